/** What the state of a run means for a page. Pure, and everything may import it. */

const FINAL = new Set(["completed", "failed", "cancelled"]);

/** @param {{state: string}} run */
export const isOver = (run) => FINAL.has(run.state);

/** Whether a worker has it in hand: one that is being cancelled, until its process has ended. @param {{state: string}} run */
export const isTraining = (run) => run.state === "running" || run.state === "cancelling";

/** @param {{state: string}} run @returns {boolean} whether a cancel would do anything */
export const isCancellable = (run) => !isOver(run) && run.state !== "cancelling";

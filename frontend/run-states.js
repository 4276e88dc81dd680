/** What the state of a run means for a page. Pure, and everything may import it. */

const FINAL = new Set(["completed", "failed", "cancelled"]);

/** @param {{state: string}} run */
export const isOver = (run) => FINAL.has(run.state);

/** Whether a worker has it in hand: one that is being cancelled, until its process has ended. @param {{state: string}} run */
export const isTraining = (run) => run.state === "running" || run.state === "cancelling";

/** Whether a worker has it in hand and it is not heard of, although nobody has taken it back. @param {{state: string, stale?: import("./types.js").Stale|null}} run */
export const isStale = (run) => isTraining(run) && Boolean(run.stale);

/** Whether what a page says of it changes with time alone: how long it trains, or that it waits after a loss.
 *  @param {{state: string, retry_at?: string|null}} run */
export const changesWithTime = (run) => isTraining(run) || (run.state === "queued" && Boolean(run.retry_at));

/** What its dot shows. @param {{state: string, stale?: import("./types.js").Stale|null}} run */
export const shownState = (run) => (isStale(run) ? "stale" : run.state);

/** @param {{state: string}} run @returns {boolean} whether a cancel would do anything */
export const isCancellable = (run) => !isOver(run) && run.state !== "cancelling";

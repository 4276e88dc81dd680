/** The attempts of a run in words. Pure. */

/** @typedef {import("./types.js").Attempt} Attempt */

const LEADS = /** @type {Object<string, string>} */ ({
  completed: "Trained to the last epoch",
  "worker lost": "Lost",
  "worker drained": "Its worker was stopped in good order, and the run went back into the queue",
  "cancelled by a person": "Cancelled by a person",
  "code error": "The training raised an error",
  refused: "Refused",
  "out of memory": "Out of memory",
  "parent failed": "Its parent gave no weights",
});

/** Why an attempt ended, with what is known of it. @param {Attempt} attempt */
export function whyEnded({ ended_at: ended, reason, detail }) {
  if (!ended) return "goes on";
  const lead = LEADS[reason ?? "completed"] ?? reason;
  return detail ? `${lead}: ${detail}` : `${lead}`;
}

/** The name and host of a worker, without what only tells its processes apart. @param {string} worker */
export const workerName = (worker) => worker.replace(/:\d+-[0-9a-f]{8}-[0-9a-f]{8}$/, "");

/** Seconds that an attempt took, null while it goes on. @param {Attempt} attempt */
export const attemptSeconds = ({ started_at: started, ended_at: ended }) => (started && ended ? Math.max(0, (Date.parse(ended) - Date.parse(started)) / 1000) : null);

/** The attempts of a run in words. Pure. */

import { count, counted } from "./format.js";

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
  "restored from a backup": "It was under way when the backup was made that this store was restored from",
});

/** Why an attempt ended, with what is known of it. @param {Attempt} attempt */
export function whyEnded({ ended_at: ended, reason, detail }) {
  if (!ended) return "goes on";
  const lead = LEADS[reason ?? "completed"] ?? reason;
  return detail ? `${lead}: ${detail}` : `${lead}`;
}

/** The name and host of a worker, without what only tells its processes apart. @param {string} worker */
export const workerName = (worker) => worker.replace(/:\d+-[0-9a-f]{8}-[0-9a-f]{8}$/, "");

/** Seconds that an attempt took; up to `now` while it goes on. @param {Attempt} attempt @param {number} now */
export const attemptSeconds = ({ started_at: started, ended_at: ended }, now) => (started ? Math.max(0, ((ended ? Date.parse(ended) : now) - Date.parse(started)) / 1000) : null);

/** "5 attempts: 2 lost, 1 stopped with its worker"; "" for one that needs no word. @param {Attempt[]} attempts */
export function attemptsText(attempts) {
  if (attempts.length < 2) return "";
  const number = (/** @type {string} */ reason) => attempts.filter((attempt) => attempt.reason === reason).length;
  const lost = number("worker lost");
  const drained = number("worker drained");
  const parts = [lost && `${count(lost)} lost`, drained && `${count(drained)} stopped with ${drained === 1 ? "its worker" : "their workers"}`].filter(Boolean);
  return [counted(attempts.length, "attempt"), parts.join(", ")].filter(Boolean).join(": ");
}

/** A run whose worker is silent or was lost, in words: since when, how often, and what comes next. Pure. */

import { moment, placeText, roughly } from "./format.js";
import { isStale } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */

/** For a badge that has no room for more; null for a run that is heard of. @param {Run} run @param {number} now */
export const staleTitle = (run, now) => (isStale(run) && run.stale ? `Not heard of since ${moment(run.stale.heard_at, now)}` : null);

/** Null for a run that is heard of. Holds no time that runs: it is spoken. @param {Run} run @param {number} now */
export function staleText(run, now) {
  if (!isStale(run) || !run.stale) return null;
  const from = run.checkpoint ? placeText(run.checkpoint.epoch, run.checkpoint.step) : "the start";
  return `Not heard of since ${moment(run.stale.heard_at, now)}. It ${fateText(run, run.stale.until, now, ` to go on from ${from}`)}.`;
}

/** "for 43 s", "" for a run that is heard of. @param {Run} run @param {number} now */
export const staleFor = (run, now) => (isStale(run) && run.stale ? `for ${roughly((now - Date.parse(run.stale.heard_at)) / 1000)}` : "");

/** What the service does with a silent run: "goes back to the queue at 14:20:11, unless it is heard of before". The time is
 *  told only while it is to come. @param {Pick<Run, "state"|"losses"|"max_losses">} run @param {string} until @param {number} now
 *  @param {string} [goesOn] of one that goes back to the queue */
export function fateText(run, until, now, goesOn = "") {
  const isToCome = Date.parse(until) > now;
  const when = isToCome ? `at ${moment(until, now)}` : "in a moment";
  if (run.state === "cancelling") return isToCome ? `is cancelled ${when} at the latest` : `is cancelled ${when}`;
  const unless = isToCome ? ", unless it is heard of before" : "";
  if (isAtItsLast(run)) return `fails ${when} with loss ${run.losses + 1} of ${run.max_losses} since its last checkpoint${unless}`;
  return `goes back to the queue ${when}${goesOn}${unless}`;
}

/** Whether it is given up at one more loss. @param {Pick<Run, "losses"|"max_losses">} run */
const isAtItsLast = ({ losses, max_losses: most }) => losses + 1 >= most;

/** "1 of 3 losses since the last checkpoint", with when it is tried again; "" for a run without any. @param {Run} run @param {number} now */
export function lossesText(run, now) {
  if (!run.losses) return "";
  const losses = `${run.losses} of ${run.max_losses} losses since the last checkpoint`;
  if (run.state === "failed") return losses;
  const next = isAtItsLast(run) ? "; one more and it is given up" : "";
  const waits = run.state === "queued" && run.retry_at !== null && Date.parse(run.retry_at) > now;
  return waits ? `${losses}${next}. Waits until ${moment(run.retry_at, now)} before it is tried again.` : `${losses}${next}.`;
}

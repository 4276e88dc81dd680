/** A run whose worker is silent or was lost, in words: since when, how often, and what comes next. Pure. */

import { moment, placeText, roughly } from "./format.js";
import { isStale } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */

/** For a badge that has no room for more; null for a run that is heard of. @param {Run} run */
export const staleTitle = (run) => (isStale(run) && run.stale ? `Not heard of since ${moment(run.stale.heard_at, Date.now())}` : null);

/** Null for a run that is heard of. @param {Run} run @param {number} now */
export function staleText(run, now) {
  if (!isStale(run) || !run.stale) return null;
  const { heard_at: heard, until } = run.stale;
  const from = run.checkpoint ? placeText(run.checkpoint.epoch, run.checkpoint.step) : "the start";
  const since = `Not heard of since ${moment(heard, now)}, for ${roughly((now - Date.parse(heard)) / 1000)}.`;
  const next = Date.parse(until) > now ? `Unless it is heard of before, it goes back to the queue at ${moment(until, now)}` : "It goes back to the queue";
  return run.state === "cancelling" ? `${since} It is cancelled at ${moment(until, now)} at the latest.` : `${since} ${next}, to go on from ${from}.`;
}

/** "1 of 3 losses since the last checkpoint", with when it is tried again; "" for a run without any. @param {Run} run @param {number} now */
export function lossesText(run, now) {
  if (!run.losses) return "";
  const losses = `${run.losses} of ${run.max_losses} losses since the last checkpoint`;
  if (run.state === "failed") return losses;
  const next = run.losses + 1 >= run.max_losses ? "; one more and it is given up" : "";
  const waits = run.state === "queued" && run.retry_at !== null && Date.parse(run.retry_at) > now;
  return waits ? `${losses}${next}. Waits until ${moment(run.retry_at, now)} before it is tried again.` : `${losses}${next}.`;
}

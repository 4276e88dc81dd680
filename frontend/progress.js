/** How far a run is and what it waits for, in words. Pure. */

import { count, roughly } from "./format.js";
import { isStale, isTraining } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */
/** What of a run tells where it stands; the report knows no more of a run.
 *  @typedef {Pick<Run, "state"|"progress"> & {reason?: string|null, stale?: Run["stale"], retry_at?: string|null, ahead?: number|null, parent?: Run["parent"],
 *    last: {epoch: number}|null, spec: {epochs: number}}} Standing */

/** Share done in [0, 1], null where no bar is of use. @param {Standing} run @returns {number|null} */
export function fractionDone(run) {
  const { progress } = run;
  if (!isTraining(run)) return null;
  if (!progress) return (run.last?.epoch ?? 0) / run.spec.epochs;
  if (isPreparation(progress)) return progress.total ? Math.min(1, progress.done / progress.total) : null;
  const within = progress.steps ? progress.step / progress.steps : 0;
  return Math.min(1, Math.max(0, (progress.epoch - 1 + within) / progress.epochs));
}

/** One line on where the run stands. @param {Standing} run @param {number} now by the server's clock @returns {string} */
export function stateText(run, now) {
  if (isStale(run)) return `stale · ${stateText({ ...run, stale: null }, now)}`;
  switch (run.state) {
    case "waiting":
      return run.parent ? `waits for run ${run.parent.run}` : "waits for its parent";
    case "queued":
      return run.retry_at && Date.parse(run.retry_at) > now ? "queued: waits after a loss" : queuedText(run.ahead);
    case "running":
      return runningText(run);
    case "cancelling":
      return "stopping…";
    case "failed":
      return run.reason ? `failed: ${run.reason}` : "failed";
    default:
      return run.state;
  }
}

/** @param {number|null} ahead */
function queuedText(ahead) {
  if (ahead === null || ahead === undefined) return "queued";
  return ahead === 0 ? "queued: next" : `queued: ${count(ahead)} ahead`;
}

/** Before the first epoch there may be features to make, or weights to fetch.
 *  @param {any} progress @returns {progress is import("./types.js").Preparation} */
const isPreparation = (progress) => typeof progress.doing === "string";

/** @param {Standing} run */
function runningText({ progress, last, spec }) {
  if (!progress) return last ? `epoch ${Math.min(last.epoch + 1, spec.epochs)} of ${spec.epochs}` : "starting…";
  if (isPreparation(progress)) return progress.total ? `${progress.doing} ${count(progress.done)} of ${count(progress.total)}` : progress.doing;
  const epoch = `epoch ${progress.epoch} of ${progress.epochs}`;
  return progress.seconds_left === null || progress.seconds_left === undefined
    ? epoch
    : `${epoch} · ${roughly(progress.seconds_left)} left`;
}

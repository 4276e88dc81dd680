/** What the events do to a run, and which runs a filter shows. Pure: no DOM, no network. */

import { elapsedSeconds, recipeLine, runTitle } from "./format.js";
import { isOver, isTraining } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").LiveEvent} LiveEvent */

/** The filters over the table; `ask` is the state asked of the server for more. */
export const FILTERS = [
  { name: "all", title: "All", states: null, ask: null },
  { name: "running", title: "Running", states: ["running", "cancelling"], ask: "running" },
  { name: "queued", title: "Queued", states: ["queued", "waiting"], ask: "queued" },
  { name: "completed", title: "Completed", states: ["completed"], ask: "completed" },
  { name: "failed", title: "Failed", states: ["failed"], ask: "failed" },
  { name: "cancelled", title: "Cancelled", states: ["cancelled"], ask: "cancelled" },
];

/** Return the run after an event; the one given is not altered. @param {Run} run @param {LiveEvent} event @returns {Run} */
export function applyEvent(run, event) {
  // Whatever its worker tells of a run, it is heard of.
  return withEvent(run.stale && isOfWorker(event) ? { ...run, stale: null } : run, event);
}

/** What was found of a run, the service finds by itself. @param {LiveEvent} event */
export const isOfWorker = ({ kind }) => kind !== "findings";

/** @param {Run} run @param {LiveEvent} event @returns {Run} */
function withEvent(run, { kind, data }) {
  switch (kind) {
    case "state":
      return applyState(run, data);
    case "epoch":
      return applyEpoch(run, data);
    case "rewind":
      return applyRewind(run, data);
    case "findings":
      return { ...run, findings: data.findings };
    case "progress":
      return isTraining(run) ? { ...run, progress: data } : run;
    default:
      return run;
  }
}

/** @param {Run} run @param {any} data */
function applyState(run, data) {
  const over = isOver(data);
  const active = isTraining(data);
  const ends = !active && isTraining(run);
  return {
    ...run,
    seconds: ends && data.at ? elapsedSeconds(run, Date.parse(data.at)) : run.seconds,
    state: data.state,
    reason: data.reason ?? null,
    detail: data.detail ?? null,
    attempt: data.attempt ?? run.attempt,
    progress: active ? run.progress : null,
    ahead: data.state === "queued" ? run.ahead : null,
    retry_at: data.state === "queued" ? run.retry_at : null,
    started_at: data.state === "running" ? (run.started_at ?? data.at) : run.started_at,
    // From here on its time is counted; what it waited is none of it.
    told_at: data.state === "running" ? data.at : run.told_at,
    finished_at: over ? (data.at ?? run.finished_at) : null,
  };
}

/** @param {Run} run @param {any} data */
function applyEpoch(run, data) {
  const now = data.metrics.test_acc ?? null;
  const curve = [...keptUntil(run.curve, data.epoch - 1), /** @type {[number, number|null]} */ ([data.epoch, now])];
  const better = now !== null && (run.best_test_acc === null || now > run.best_test_acc);
  const best = better ? { best_test_acc: now, best_epoch: data.epoch } : {};
  return { ...run, ...best, curve, last: { epoch: data.epoch, metrics: data.metrics } };
}

/** A new attempt starts after `data.epoch`: what the old one added is gone. @param {Run} run @param {any} data */
function applyRewind(run, data) {
  const curve = keptUntil(run.curve, data.epoch);
  const kept = run.last && run.last.epoch <= data.epoch;
  const last = kept ? run.last : data.epoch ? { epoch: data.epoch, metrics: { test_acc: curve.at(-1)?.[1] ?? null } } : null;
  const best = run.best_epoch !== null && run.best_epoch <= data.epoch ? {} : bestOf(curve);
  return { ...run, ...best, curve, last, progress: null };
}

/** @param {[number, number|null][]} curve @param {number} epoch */
const keptUntil = (curve, epoch) => curve.filter(([at]) => at <= epoch);

/** The best that is known here; the curve may be thinned, so the service's word counts where it has one.
 *  @param {[number, number|null][]} curve */
function bestOf(curve) {
  const none = { best_test_acc: /** @type {number|null} */ (null), best_epoch: /** @type {number|null} */ (null) };
  return curve.reduce(
    (best, [epoch, value]) =>
      value !== null && (best.best_test_acc === null || value > best.best_test_acc) ? { best_test_acc: value, best_epoch: epoch } : best,
    none,
  );
}

/** Everything of a run that the text filter looks through. @param {Run} run */
export const searchText = (run) =>
  [`#${run.id}`, runTitle(run), run.preset, run.size, run.experiment, recipeLine(run), run.state, run.reason, run.recipe]
    .filter(Boolean)
    .join(" ")
    .toLowerCase();

/** All words of `query` must occur. @param {Run} run @param {string} query */
export function matches(run, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const text = searchText(run);
  return words.every((word) => text.includes(word));
}

/** What is chosen on the page. @typedef {{filter: string, text: string, finding: string}} Choice */

/** Everything, from the newest on. @type {Choice} */
export const NEWEST = { filter: "all", text: "", finding: "" };

/** What tells one choice from another. @param {Choice} choice */
export const keyOf = ({ filter, text, finding }) => [filter, finding, text].join("|");

/** What the service is asked for. @param {Choice} choice @param {number} limit @param {number} [before] */
export function queryOf({ filter, text, finding }, limit, before) {
  const query = new URLSearchParams({ limit: String(limit) });
  const ask = FILTERS.find(({ name }) => name === filter)?.ask;
  if (ask) query.set("state", ask);
  if (text) query.set("q", text);
  if (finding) query.set("finding", finding);
  if (before !== undefined) query.set("before", String(before));
  return query;
}

/** @param {Run} run @param {string} filter a name of FILTERS */
export function inFilter(run, filter) {
  const states = FILTERS.find(({ name }) => name === filter)?.states;
  return !states || states.includes(run.state);
}

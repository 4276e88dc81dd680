/** An answer of the comparison, and what events do to its runs and curves. Pure; nothing is altered in place. */

import { isNumber } from "./format.js";

/** @typedef {import("./compare-curves.js").Curve} Curve */
/** @typedef {import("./types.js").LiveEvent} LiveEvent */
/** @typedef {{value: number|null, nonfinite: string|null}} LastValue */
/** @typedef {{id: number, name: string, recipe: string, seed: number, state: string, epoch: number, epochs: number, counted: boolean,
 *    chosen: number|null, values: Object<string, LastValue>, low: number|null, high: number|null, seconds: number|null,
 *    energy_wh: number|null, device: string|null}} ComparedRun */
/** @typedef {{recipe: string, label: string, name: string, runs: number[], accuracy: import("./runs-accuracy.js").Accuracy,
 *    final: Object<string, LastValue>, so_far: boolean, best: {value: number, epoch: number, run: number}|null,
 *    seconds: number|null, gpu_hours: number|null, per_gpu_hour: number|null, energy_wh: number|null, per_wh: number|null,
 *    reached: {runs: number, of: number, epoch: number|null, seconds: number|null}|null, images_an_epoch: number|null,
 *    epochs: number, clone: number, next_seeds: number[]}} Item */
/** @typedef {{text: string, question: string|null, best: string|null, runner_up: string|null, separated: boolean|null,
 *    decided_by: "welch"|"wilson"|null, p: number|null, family: number,
 *    more_seeds: {recipe: string, label: string, clone: number, seeds: number[]}[]}} Verdict */
/** @typedef {{path: string, title: string, values: Object<string, string>, numbers: Object<string, number>|null}} Difference */
/** @typedef {{cursor: string, value: string, target: number|null, items: Item[], runs: ComparedRun[], differs: Difference[],
 *    same: {path: string, title: string, value: string}[], series: Object<string, Object<string, Curve>>, verdict: Verdict, warnings: string[],
 *    findings?: import("./compare-findings.js").Between[]}} Answer
 *    series: of those metrics whose curves were loaded */
/** @typedef {{metric: string, series: Object<string, {epochs: number[]|null, values: (number|null)[], seconds: (number|null)[]|null,
 *    nonfinite: Object<string, string>, thinned: boolean}>}} Loaded one metric, as the service sends it */

/** @type {Curve} */
const EMPTY = { epochs: [], values: [], seconds: [], nonfinite: {}, thinned: false };

/** Put the curves of one metric into an answer: of each of its runs, also of those that have no epoch yet.
 *  @param {Answer} answer @param {Loaded} loaded @returns {Answer} */
export function withCurves(answer, { metric, series }) {
  /** Curves of one length share their epochs. @type {Map<number, number[]>} */ const counted = new Map();
  const epochsOf = (/** @type {number} */ length) => {
    if (!counted.has(length)) counted.set(length, Array.from({ length }, (_, place) => place + 1));
    return /** @type {number[]} */ (counted.get(length));
  };
  const curves = answer.runs.map(({ id }) => {
    const told = series[id];
    return [id, { ...answer.series[id], [metric]: told ? { ...told, epochs: told.epochs ?? epochsOf(told.values.length) } : EMPTY }];
  });
  return { ...answer, series: Object.fromEntries(curves) };
}

/** Whether the curves of a metric are there, with seconds where these are drawn over.
 *  @param {Answer} answer @param {string} metric @param {boolean} seconds */
export const hasCurves = ({ runs, series }, metric, seconds) => runs.every(({ id }) => series[id]?.[metric] && (!seconds || series[id][metric].seconds));

/** Return the answer after an event; the same one where it is of a run that is not compared. @param {Answer} answer @param {LiveEvent} event @returns {Answer} */
export function applyToAnswer(answer, { kind, data }) {
  if (!answer.runs.some(({ id }) => id === data.run)) return answer;
  const changed = (/** @type {Partial<ComparedRun>} */ what) => answer.runs.map((run) => (run.id === data.run ? { ...run, ...what } : run));
  const series = (/** @type {Object<string, Curve>} */ curves) => ({ ...answer.series, [data.run]: curves });
  const curves = answer.series[data.run] ?? {};
  switch (kind) {
    case "state":
      return { ...answer, runs: changed({ state: data.state }) };
    case "epoch":
      return { ...answer, runs: changed({ epoch: data.epoch }), series: series(withEpoch(curves, data)) };
    case "rewind":
      return { ...answer, runs: changed({ epoch: data.epoch }), series: series(mapped(curves, (curve) => upTo(curve, data.epoch))) };
    default:
      return answer;
  }
}

/** Put an epoch at the end of each curve that was loaded; one that is there already is told anew: a repeat does no harm.
 *  @param {Object<string, Curve>} curves @param {any} data */
function withEpoch(curves, { epoch, metrics, nonfinite }) {
  return Object.fromEntries(
    Object.keys(curves).map((name) => {
      const curve = upTo(curves[name] ?? EMPTY, epoch - 1);
      return [name, added(curve, epoch, metrics[name] ?? null, nonfinite?.[name], metrics.epoch_seconds ?? null)];
    }),
  );
}

/** @param {Curve} curve @param {number} epoch @param {number|null} value @param {string|undefined} nonfinite @param {number|null} took seconds */
function added(curve, epoch, value, nonfinite, took) {
  const before = epoch === 1 ? 0 : (curve.seconds?.at(-1) ?? null);
  return {
    ...curve,
    epochs: [...curve.epochs, epoch],
    values: [...curve.values, value],
    seconds: curve.seconds && [...curve.seconds, isNumber(before) && isNumber(took) ? before + took : null],
    nonfinite: nonfinite ? { ...curve.nonfinite, [epoch]: nonfinite } : curve.nonfinite,
  };
}

/** Drop what lies after an epoch. @param {Curve} curve @param {number} epoch @returns {Curve} */
function upTo(curve, epoch) {
  const end = curve.epochs.findIndex((one) => one > epoch);
  const length = end < 0 ? curve.epochs.length : end;
  const nonfinite = Object.fromEntries(Object.entries(curve.nonfinite).filter(([key]) => Number(key) <= epoch));
  const cut = (/** @type {any[]} */ values) => values.slice(0, length);
  return { ...curve, epochs: cut(curve.epochs), values: cut(curve.values), seconds: curve.seconds && cut(curve.seconds), nonfinite };
}

/** @template T, U @param {Object<string, T>} all @param {(one: T) => U} change @returns {Object<string, U>} */
const mapped = (all, change) => Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one)]));

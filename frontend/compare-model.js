/** An answer of the comparison, and what events do to its runs and curves. Pure; nothing is altered in place. */

import { isNumber } from "./format.js";

/** @typedef {import("./compare-curves.js").Curve} Curve */
/** @typedef {import("./types.js").LiveEvent} LiveEvent */
/** @typedef {{value: number|null, nonfinite: string|null}} LastValue */
/** @typedef {{id: number, name: string, recipe: string, seed: number, state: string, epoch: number, epochs: number, counted: boolean}} ComparedRun */
/** @typedef {{recipe: string, label: string, name: string, runs: number[], accuracy: import("./runs-accuracy.js").Accuracy,
 *    final: Object<string, LastValue>, so_far: boolean, best: {value: number, epoch: number, run: number}|null,
 *    seconds: number|null, epochs: number, clone: number, next_seeds: number[]}} Item */
/** @typedef {{text: string, question: string|null, best: string|null, separated: boolean|null,
 *    more_seeds: {recipe: string, label: string, clone: number, seeds: number[]}[]}} Verdict */
/** @typedef {{cursor: string, items: Item[], runs: ComparedRun[], differs: {path: string, title: string, values: Object<string, string>}[],
 *    same: {path: string, title: string, value: string}[], series: Object<string, Object<string, Curve>>, verdict: Verdict, warnings: string[]}} Answer */

/** @type {Curve} */
const EMPTY = { epochs: [], values: [], seconds: [], nonfinite: {}, thinned: false };

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

/** Put an epoch at the end of each curve; one that is there already is told anew, so that a repeat does no harm.
 *  @param {Object<string, Curve>} curves @param {any} data */
function withEpoch(curves, { epoch, metrics, nonfinite }) {
  const names = new Set([...Object.keys(curves), ...["test_acc", "test_loss", "train_loss", "train_acc"].filter((name) => name in metrics)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const curve = upTo(curves[name] ?? EMPTY, epoch - 1);
      return [name, added(curve, epoch, metrics[name] ?? null, nonfinite?.[name], metrics.epoch_seconds ?? null)];
    }),
  );
}

/** @param {Curve} curve @param {number} epoch @param {number|null} value @param {string|undefined} nonfinite @param {number|null} took seconds */
function added(curve, epoch, value, nonfinite, took) {
  const before = epoch === 1 ? 0 : (curve.seconds.at(-1) ?? null);
  return {
    ...curve,
    epochs: [...curve.epochs, epoch],
    values: [...curve.values, value],
    seconds: [...curve.seconds, isNumber(before) && isNumber(took) ? before + took : null],
    nonfinite: nonfinite ? { ...curve.nonfinite, [epoch]: nonfinite } : curve.nonfinite,
  };
}

/** Drop what lies after an epoch. @param {Curve} curve @param {number} epoch @returns {Curve} */
function upTo(curve, epoch) {
  const end = curve.epochs.findIndex((one) => one > epoch);
  const length = end < 0 ? curve.epochs.length : end;
  const nonfinite = Object.fromEntries(Object.entries(curve.nonfinite).filter(([key]) => Number(key) <= epoch));
  const cut = (/** @type {any[]} */ values) => values.slice(0, length);
  return { ...curve, epochs: cut(curve.epochs), values: cut(curve.values), seconds: cut(curve.seconds), nonfinite };
}

/** @template T, U @param {Object<string, T>} all @param {(one: T) => U} change @returns {Object<string, U>} */
const mapped = (all, change) => Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one)]));

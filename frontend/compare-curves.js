/** From the curves of runs to the lines of the figure: smoothing, means over seeds, epochs or seconds. Pure. */

import { isNumber } from "./format.js";
import { members } from "./members.js";

/** @typedef {{epochs: number[], values: (number|null)[], seconds: (number|null)[], nonfinite: Object<string, string>, thinned: boolean}} Curve */
/** @typedef {{recipe: string, run: number|null, kind: "main"|"faint"|"seed", x: (number|null)[], y: (number|null)[]}} Line
 *    run: null for the mean of a recipe; faint: what a smoothed main line is drawn over */

/** Smooth with an exponential moving average, debiased at the start. Gaps (null) stay gaps and do not enter the average.
 *  @param {(number|null)[]} values @param {number} weight in [0, 1): 0 leaves the curve as it is */
export function smooth(values, weight) {
  let sum = 0;
  let weights = 0;
  return values.map((value) => {
    if (!isNumber(value)) return null;
    sum = weight * sum + (1 - weight) * value;
    weights = weight * weights + (1 - weight);
    return sum / weights;
  });
}

/** The mean over runs by epoch, up to the end of the shortest: further on it would be one of other runs. It has a gap
 *  where any run has one. @param {Curve[]} curves at least one @returns {Curve} */
export function meanCurve(curves) {
  const end = Math.min(...curves.map(({ epochs }) => epochs.at(-1) ?? 0));
  const epochs = [...new Set(curves.flatMap((curve) => curve.epochs))].filter((epoch) => epoch <= end).sort((one, other) => one - other);
  const at = curves.map(reader);
  return {
    epochs,
    values: epochs.map((epoch) => mean(at.map((read) => read(epoch, "values")))),
    seconds: epochs.map((epoch) => mean(at.map((read) => read(epoch, "seconds")))),
    nonfinite: {},
    thinned: curves.some(({ thinned }) => thinned),
  };
}

/** The lines of one recipe: a single run is its main line; of several the mean is, over the runs as thin lines.
 *  @param {string} recipe @param {{id: number, seed: number, state: string}[]} runs @param {Map<number, Curve>} curves
 *  @param {{x: "epoch"|"seconds", smooth: number}} view @returns {Line[]} */
export function linesOf(recipe, runs, curves, view) {
  const drawn = runs.filter(({ id }) => curves.get(id)?.epochs.length);
  const curveOf = (/** @type {{id: number}} */ { id }) => /** @type {Curve} */ (curves.get(id));
  const main = members(drawn);
  const others = drawn.filter((run) => main.length > 1 || !main.includes(run));
  const line = (/** @type {Curve} */ curve, /** @type {Line["kind"]} */ kind, /** @type {number|null} */ run, smoothing = 0) => ({
    recipe,
    run,
    kind,
    x: view.x === "epoch" ? curve.epochs : curve.seconds,
    y: smoothing ? smooth(curve.values, smoothing) : curve.values,
  });
  const seeds = others.map((run) => line(curveOf(run), "seed", run.id));
  if (!main.length) return seeds;
  const curve = main.length > 1 ? meanCurve(main.map(curveOf)) : curveOf(main[0]);
  const whose = main.length > 1 ? null : main[0].id;
  const faint = view.smooth ? [line(curve, "faint", whose)] : [];
  return [...seeds, ...faint, line(curve, "main", whose, view.smooth)];
}

/** Read a curve at an epoch; a thinned one between the epochs that it kept. @param {Curve} curve */
function reader(curve) {
  const places = new Map(curve.epochs.map((epoch, place) => [epoch, place]));
  return (/** @type {number} */ epoch, /** @type {"values"|"seconds"} */ name) => {
    const place = places.get(epoch);
    if (place !== undefined) return curve[name][place];
    return curve.thinned ? between(curve, epoch, name) : null;
  };
}

/** @param {Curve} curve @param {number} epoch @param {"values"|"seconds"} name */
function between(curve, epoch, name) {
  const after = curve.epochs.findIndex((one) => one > epoch);
  const [low, high] = [curve[name][after - 1], curve[name][after]];
  if (after < 1 || !isNumber(low) || !isNumber(high)) return null;
  const share = (epoch - curve.epochs[after - 1]) / (curve.epochs[after] - curve.epochs[after - 1]);
  return low + share * (high - low);
}

/** @param {(number|null)[]} values */
const mean = (values) => (values.every(isNumber) ? values.reduce((sum, value) => sum + /** @type {number} */ (value), 0) / values.length : null);

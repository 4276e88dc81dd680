/** From the curves of runs to the lines of the figure: smoothing, means and bands over seeds; epochs, seconds or images. Pure. */

import { isNumber } from "./format.js";
import { members } from "./members.js";
import { halfWidth } from "./compare-student.js";

/** @typedef {{epochs: number[], values: (number|null)[], seconds: (number|null)[]|null, nonfinite: Object<string, string>, thinned: boolean}} Curve
 *    seconds: null where they were not asked for */
/** @typedef {import("./compare-view.js").Axis} Axis */
/** @typedef {{recipe: string, run: number|null, kind: "main"|"faint"|"seed"|"band", x: (number|null)[], y: (number|null)[], n?: number}} Line
 *    run: null for the mean of a recipe; faint: what a smoothed main line is drawn over; band: an outline, with gaps between
 *    its pieces, around a mean over `n` runs */
/** @typedef {{x: Axis, smooth: number, seeds: boolean}} Drawn */

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
 *  where any run has one. `low` and `high` bound it: its 95% interval by Student's t; of two runs, both values.
 *  @param {Curve[]} curves at least one @returns {Curve & {low: (number|null)[], high: (number|null)[]}} */
export function meanCurve(curves) {
  const end = Math.min(...curves.map(({ epochs }) => epochs.at(-1) ?? 0));
  const epochs = [...new Set(curves.flatMap((curve) => curve.epochs))].filter((epoch) => epoch <= end).sort((one, other) => one - other);
  const at = curves.map(reader);
  const spreads = epochs.map((epoch) => spread(at.map((read) => read(epoch, "values"))));
  return {
    epochs,
    values: spreads.map(({ mean }) => mean),
    low: spreads.map(({ low }) => low),
    high: spreads.map(({ high }) => high),
    seconds: curves.every(({ seconds }) => seconds) ? epochs.map((epoch) => spread(at.map((read) => read(epoch, "seconds"))).mean) : null,
    nonfinite: {},
    thinned: curves.some(({ thinned }) => thinned),
  };
}

/** The lines of one recipe: a single run is its main line; of several the mean is, over their band or over each of them.
 *  @param {string} recipe @param {{id: number, seed: number, state: string}[]} runs @param {Map<number, Curve>} curves
 *  @param {Drawn} view @param {number|null} images that an epoch trains on @returns {Line[]} */
export function linesOf(recipe, runs, curves, view, images = null) {
  const drawn = runs.filter(({ id }) => curves.get(id)?.epochs.length);
  const curveOf = (/** @type {{id: number}} */ { id }) => /** @type {Curve} */ (curves.get(id));
  const main = members(drawn);
  const line = (/** @type {Curve} */ curve, /** @type {Line["kind"]} */ kind, /** @type {number|null} */ run, smoothing = 0) => ({
    recipe,
    run,
    kind,
    x: placesOf(curve, view.x, images),
    y: smoothing ? smooth(curve.values, smoothing) : curve.values,
  });
  // What was lost, or told again, is drawn beside what counts: it is in no mean and in no band.
  const others = drawn.filter((run) => !main.includes(run) || (main.length > 1 && view.seeds));
  const seeds = others.map((run) => line(curveOf(run), "seed", run.id));
  if (!main.length) return seeds;
  const isMean = main.length > 1;
  const mean = isMean ? meanCurve(main.map(curveOf)) : null;
  const curve = mean ?? curveOf(main[0]);
  const whose = isMean ? null : main[0].id;
  const band = mean && !view.seeds ? [{ recipe, run: null, kind: /** @type {const} */ ("band"), n: main.length, ...outline(placesOf(mean, view.x, images), mean.low, mean.high) }] : [];
  const faint = view.smooth ? [line(curve, "faint", whose)] : [];
  return [...band, ...seeds, ...faint, line(curve, "main", whose, view.smooth)];
}

/** Where the points of a curve stand on an axis. @param {Curve} curve @param {Axis} x @param {number|null} images */
export function placesOf(curve, x, images) {
  if (x === "epoch") return curve.epochs;
  if (x === "images") return curve.epochs.map((epoch) => (images === null ? null : epoch * images));
  return curve.seconds ?? curve.epochs.map(() => null);
}

/** One closed outline for each stretch without a gap: along its lower side, and back along the upper one.
 *  @param {(number|null)[]} x @param {(number|null)[]} low @param {(number|null)[]} high */
export function outline(x, low, high) {
  /** @type {{x: (number|null)[], y: (number|null)[]}} */ const drawn = { x: [], y: [] };
  /** @type {number[]} */ let stretch = [];
  const close = () => {
    const back = stretch.toReversed();
    if (drawn.x.length && stretch.length) for (const side of [drawn.x, drawn.y]) side.push(null);
    drawn.x.push(...[...stretch, ...back].map((place) => x[place]));
    drawn.y.push(...stretch.map((place) => low[place]), ...back.map((place) => high[place]));
    stretch = [];
  };
  x.forEach((place, index) => {
    if (isNumber(place) && isNumber(low[index]) && isNumber(high[index])) stretch.push(index);
    else close();
  });
  close();
  return drawn;
}

/** Read a curve at an epoch; a thinned one between the epochs that it kept. @param {Curve} curve */
function reader(curve) {
  const places = new Map(curve.epochs.map((epoch, place) => [epoch, place]));
  return (/** @type {number} */ epoch, /** @type {"values"|"seconds"} */ name) => {
    const place = places.get(epoch);
    if (place !== undefined) return curve[name]?.[place] ?? null;
    return curve.thinned ? between(curve, epoch, name) : null;
  };
}

/** @param {Curve} curve @param {number} epoch @param {"values"|"seconds"} name */
function between(curve, epoch, name) {
  const after = firstAfter(curve.epochs, epoch);
  const [low, high] = [curve[name]?.[after - 1], curve[name]?.[after]];
  if (after < 1 || !isNumber(low) || !isNumber(high)) return null;
  const share = (epoch - curve.epochs[after - 1]) / (curve.epochs[after] - curve.epochs[after - 1]);
  return low + share * (high - low);
}

/** The place of the first of rising numbers that is greater. @param {number[]} rising @param {number} than */
function firstAfter(rising, than) {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] > than) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @param {(number|null)[]} values @returns {{mean: number|null, low: number|null, high: number|null}} */
function spread(values) {
  if (!values.every(isNumber)) return { mean: null, low: null, high: null };
  const numbers = /** @type {number[]} */ (values);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  if (numbers.length < 3) return { mean, low: Math.min(...numbers), high: Math.max(...numbers) };
  const half = halfWidth(numbers, mean);
  return { mean, low: mean - half, high: mean + half };
}

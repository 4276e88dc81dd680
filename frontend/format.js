/** Numbers, times and names as people read them. Pure: no DOM, no clock but what is passed in. */

import { isTraining } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */

export const MISSING = "—";

/** How a value is written that is no number, by the API's word for it. @type {Object<string, string>} */
export const NOT_FINITE = { nan: "NaN", inf: "∞", "-inf": "−∞" };

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 0.9486 as "94.9"; the unit stands in the header. @param {number|null|undefined} fraction */
export const percent = (fraction) => (isNumber(fraction) ? (fraction * 100).toFixed(1) : MISSING);

/** @param {number|null|undefined} value */
export function loss(value) {
  if (!isNumber(value)) return MISSING;
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toFixed(Math.abs(value) < 100 ? 3 : 0);
}

/** @param {number|null|undefined} value */
export const count = (value) => (isNumber(value) ? grouped.format(value) : MISSING);

/** A number of a spec, without a tail of rounding. @param {number} value */
export const plain = (value) => String(Number(value.toPrecision(6)));

/** As short as it can be without being another number. @param {number} value */
export const exact = (value) => (Number(plain(value)) === value ? plain(value) : String(value));

/** "33 ms", "38 s", "3 m 02 s", "1 h 04 m". @param {number|null|undefined} seconds */
export function duration(seconds) {
  if (!isNumber(seconds) || seconds < 0) return MISSING;
  if (seconds < 0.95) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${padded(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${padded(Math.floor((whole % 3600) / 60))} m`;
}

/** Whole units, for times that are estimates: "54 s", "3 min", "2 h". @param {number} seconds */
export function roughly(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 36 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

/** "14:03", local. @param {number} milliseconds */
export function clock(milliseconds) {
  const date = new Date(milliseconds);
  return `${padded(date.getHours())}:${padded(date.getMinutes())}`;
}

/** "14:03", local, with the day in front where it is not that of `now`. @param {number} milliseconds @param {number} now */
export function dayClock(milliseconds, now) {
  const date = new Date(milliseconds);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return date.toDateString() === new Date(now).toDateString() ? clock(milliseconds) : `${day} ${clock(milliseconds)}`;
}

/** "14:03:27", local, with the day in front where it is not today's. @param {string|null} iso @param {number} now */
export function moment(iso, now) {
  if (!iso) return MISSING;
  const date = new Date(iso);
  return `${dayClock(date.getTime(), now)}:${padded(date.getSeconds())}`;
}

/** Where a checkpoint was made: "epoch 3", the last that had ended, or "step 500 of epoch 4". @param {number} epoch @param {number|null} step */
export const placeText = (epoch, step) => (step ? `step ${step} of epoch ${epoch + 1}` : `epoch ${epoch}`);

/** Seconds that a run has been in training, up to `now` where it still is. @param {Run} run @param {number} now */
export function elapsedSeconds(run, now) {
  return isTraining(run) ? (run.seconds ?? 0) + Math.max(0, (now - Date.parse(run.told_at)) / 1000) : run.seconds;
}

/** @param {Run} run */
export const runTitle = (run) => run.name || run.preset || `${run.spec.model.arch} on ${run.spec.dataset.name}`;

/** "alexnet · lr 0.05 · 150 epochs · 64 px · cifar10 · seed 0"; on features "softmax-regression on resnet18 layer2". @param {Run} run */
export const recipeLine = (run) => [...recipeParts(run.spec), `seed ${run.seed}`].join(" · ");

/** Optimizers and schedules as people write them. */
export const OPTIMIZERS = /** @type {Object<string, string>} */ ({ sgd: "SGD", adam: "Adam", adamw: "AdamW" });
export const SCHEDULES = /** @type {Object<string, string>} */ ({ step: "by steps", onecycle: "one cycle" });

/** What a line tells of a recipe: always its learning rate; optimizer and schedule where they are not the plain ones.
 *  @param {import("./types.js").Spec} spec @returns {string[]} */
export function recipeParts({ model, features, optimizer, schedule, epochs, dataset }) {
  const network = features ? `${model.arch} on ${features.arch} ${features.node}` : model.arch;
  const pixels = dataset.image_size ? [`${dataset.image_size} px`] : [];
  const solver = optimizer.name === "sgd" ? [] : [OPTIMIZERS[optimizer.name] ?? optimizer.name];
  const course = !schedule || schedule.name === "constant" ? [] : [SCHEDULES[schedule.name] ?? schedule.name]; // one of an older version has none
  return [network, ...solver, `lr ${plain(optimizer.lr)}`, ...course, `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`, ...pixels, dataset.name];
}

/** "1 run", "3 runs". @param {number} number @param {string} noun */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** @param {unknown} value @returns {value is number} */
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** @param {number} number */
const padded = (number) => String(number).padStart(2, "0");

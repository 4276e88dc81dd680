/** The cells of the table of results, of recipes and of their runs. Pure. */

import { count, counted, duration, isNumber, loss, MISSING, NOT_FINITE, percent, plain } from "./format.js";
import { accuracyText } from "./runs-accuracy.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {import("./compare-model.js").Item} Item */
/** @typedef {import("./compare-model.js").ComparedRun} ComparedRun */
/** @typedef {import("./compare-model.js").LastValue} LastValue */
/** @typedef {{text: string, small?: string, hint?: string}} Cell */

/** Columns that are shown only where there is something in them. `has` says so of an answer. */
export const OPTIONAL = [
  { name: "target", has: (/** @type {Answer} */ { target }) => target !== null },
  { name: "gpu", has: (/** @type {Answer} */ { items }) => items.some(({ per_gpu_hour: value }) => value !== null) },
  { name: "energy", has: (/** @type {Answer} */ { items }) => items.some(({ per_wh: value }) => value !== null) },
];

/** The accuracy of a recipe: over seeds its mean and half-width; of one run its own interval, and that it is one.
 *  @param {Item} item @returns {Cell} */
export function accuracyCell(item) {
  const { value, extra, title } = accuracyText(item.accuracy);
  if (!value) return { text: numberText(item.final.test_acc, percent), small: item.so_far && item.final.test_acc.value !== null ? "so far" : "" };
  if (item.accuracy.n !== 1) return { text: value, small: extra, hint: title };
  const { low, high } = item.accuracy;
  return { text: value, small: isNumber(low) && isNumber(high) ? `${percent(low)}–${percent(high)} · one run` : "one run", hint: title };
}

/** @param {LastValue} told @param {(value: number|null) => string} write */
export const numberText = ({ value, nonfinite }, write) => (nonfinite ? NOT_FINITE[nonfinite] : write(value));

/** Time to an accuracy. @param {Item} item @returns {Cell} */
export function targetCell({ reached }) {
  if (!reached) return { text: MISSING };
  if (reached.epoch === null) return reached.of ? { text: "not reached", small: reached.of > 1 ? `by ${reached.of - reached.runs} of ${reached.of}` : "" } : { text: MISSING };
  const epochs = `epoch ${plain(Number(reached.epoch.toFixed(1)))}`;
  return { text: reached.seconds === null ? epochs : duration(reached.seconds), small: reached.seconds === null ? "" : epochs };
}

/** Points of accuracy for each hour of a GPU. @param {Item} item @returns {Cell} */
export const gpuCell = ({ per_gpu_hour: value, gpu_hours: hours }) =>
  isNumber(value) && isNumber(hours) ? { text: rate(value), small: `${duration(hours * 3600)} of GPU` } : { text: MISSING };

/** @param {Item} item @returns {Cell} */
export const energyCell = ({ per_wh: value, energy_wh: energy }) => (isNumber(value) && isNumber(energy) ? { text: rate(value), small: `${plain(Number(energy.toPrecision(3)))} Wh` } : { text: MISSING });

/** @param {Item} item @param {ComparedRun[]} members @returns {Cell} */
export function bestCell({ best }, members) {
  return best ? { text: percent(best.value), small: `epoch ${best.epoch}${members.length > 1 ? `, run ${best.run}` : ""}` } : { text: MISSING };
}

/** @param {ComparedRun[]} members @param {Item} item @returns {Cell} */
export function epochsCell(members, item) {
  const furthest = Math.max(...members.map(({ epoch }) => epoch));
  return { text: furthest >= item.epochs ? count(item.epochs) : `${count(furthest)} of ${count(item.epochs)}` };
}

/** The row of one run: its value with its own interval, and whether it counts. @param {ComparedRun} run @returns {Object<string, Cell>} */
export function runCells({ values, low, high, chosen, epoch, epochs, seconds, energy_wh: energy, device }) {
  const interval = isNumber(low) && isNumber(high) ? `${percent(low)}–${percent(high)}` : "";
  return {
    accuracy: { text: numberText(values.test_acc, percent), small: interval, hint: interval && "95% interval of this one trained model by its test images (Wilson)" },
    test: { text: numberText(values.test_loss, loss) },
    train: { text: numberText(values.train_loss, loss) },
    best: { text: chosen === null ? MISSING : `epoch ${count(chosen)}` },
    epochs: { text: epoch >= epochs ? count(epochs) : `${count(epoch)} of ${count(epochs)}` },
    time: { text: seconds === null ? MISSING : duration(seconds) },
    target: { text: "" },
    gpu: { text: device === "cuda" && seconds !== null ? duration(seconds) : MISSING },
    energy: { text: isNumber(energy) ? `${plain(Number(energy.toPrecision(3)))} Wh` : MISSING },
  };
}

/** "3 runs, 1 not counted". @param {ComparedRun[]} members */
export function membersText(members) {
  const left = members.filter(({ state, counted: counts }) => state === "completed" && !counts).length;
  return `${counted(members.length, "run")}${left ? `, ${left} not counted` : ""}`;
}

/** Three digits, as points (of a hundred). @param {number} share */
const rate = (share) => plain(Number((share * 100).toPrecision(3)));

/** The test accuracy of a recipe in few words: the number, and how sure it is. Pure. */

import { count, counted, isNumber, percent } from "./format.js";

/** @typedef {{kind: "none"|"wilson"|"two"|"t", mean: number|null, low: number|null, high: number|null, n: number,
 *    values: number[], seeds: number[], images: number|null}} Accuracy as the API sends it */

/** @param {Accuracy} accuracy @returns {{value: string, extra: string, title: string}} in percent, without its sign */
export function accuracyText(accuracy) {
  const { kind, mean, low, high, n, values, images } = accuracy;
  const seeds = counted(n, "seed");
  if (!isNumber(mean)) return { value: "", extra: "", title: "" };
  if (kind === "two") return { value: values.map(percent).join(", "), extra: `${seeds}, no interval`, title: "Two seeds: both values, as an interval of two says nothing" };
  if (!isNumber(low) || !isNumber(high)) return { value: percent(mean), extra: seeds, title: "How many test images there were is not known: no interval" };
  if (kind === "wilson") {
    const title = `95% interval of this one trained model by its ${count(images)} test images (Wilson); it says nothing of other seeds`;
    return { value: percent(mean), extra: `${percent(low)}–${percent(high)} · ${seeds}`, title };
  }
  const half = (high - low) / 2;
  const spread = new Set(values).size > 1 ? `± ${points(half)}` : "no spread";
  return { value: percent(mean), extra: `${spread} · ${seeds}`, title: `95% interval of the mean over ${seeds} (Student's t); seeds: ${values.map(percent).join(", ")}` };
}

/** One decimal; two where one would show none. @param {number} share */
const points = (share) => (100 * share).toFixed(share < 0.0005 ? 2 : 1);

/** What the Compare page shows, as its address says it. Pure. */

import { compareAddress } from "./links.js";

export const METRICS = /** @type {const} */ ([
  { name: "test_acc", title: "Test accuracy" },
  { name: "test_loss", title: "Test loss" },
  { name: "train_loss", title: "Training loss" },
  { name: "train_acc", title: "Training accuracy" },
]);
export const MOST_SMOOTHING = 0.95;

/** @typedef {{runs: number[], metric: string, x: "epoch"|"seconds", smooth: number, hidden: Set<string>, colours: number[]}} View
 *    hidden: recipes that are not drawn; colours: of each recipe in order, empty where they are 0, 1, 2 ... */

/** What makes no sense is left out, so that an address written by hand shows what it can.
 *  @param {string} search @returns {View} */
export function parseView(search) {
  const query = new URLSearchParams(search);
  const runs = query.getAll("run").map(Number).filter((id) => Number.isSafeInteger(id) && id > 0);
  const smooth = Number(query.get("smooth") ?? 0);
  return {
    runs: [...new Set(runs)],
    metric: METRICS.find(({ name }) => name === query.get("metric"))?.name ?? METRICS[0].name,
    x: query.get("x") === "seconds" ? "seconds" : "epoch",
    smooth: smooth > 0 && smooth <= MOST_SMOOTHING ? smooth : 0,
    hidden: new Set((query.get("hidden") ?? "").split(",").filter((part) => /^[0-9a-f]{12}$/.test(part))),
    colours: wholeNumbers(query.get("colours")),
  };
}

/** @param {View} view */
export function addressOf({ runs, metric, x, smooth, hidden, colours }) {
  const query = new URLSearchParams();
  if (metric !== METRICS[0].name) query.set("metric", metric);
  if (x !== "epoch") query.set("x", x);
  if (smooth) query.set("smooth", String(smooth));
  if (hidden.size) query.set("hidden", [...hidden].join(","));
  if (colours.some((colour, place) => colour !== place)) query.set("colours", colours.join(","));
  const address = compareAddress(runs);
  return query.size ? `${address}${runs.length ? "&" : "?"}${query}` : address;
}

/** A colour for each of `count` recipes: those that were kept, then the lowest free ones. A recipe that is taken out
 *  must not repaint the others. @param {number[]} kept @param {number} count @returns {number[]} */
export function coloursFor(kept, count) {
  const colours = [...new Set(kept)].slice(0, count);
  for (let free = 0; colours.length < count; free += 1) if (!colours.includes(free)) colours.push(free);
  return colours;
}

/** @param {string|null} text */
const wholeNumbers = (text) => (text ?? "").split(",").filter(Boolean).map(Number).filter((number) => Number.isSafeInteger(number) && number >= 0 && number < 1000);

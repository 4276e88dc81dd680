/** What the Compare page shows, as its address says it. Pure. */

import { compareAddress } from "./links.js";

export const METRICS = /** @type {const} */ ([
  { name: "test_acc", title: "Test accuracy" },
  { name: "test_loss", title: "Test loss" },
  { name: "train_loss", title: "Training loss" },
  { name: "train_acc", title: "Training accuracy" },
]);
/** The epoch that stands for a run: `head` is how the table names it. */
export const CHOICES = /** @type {const} */ ([
  { name: "last", title: "Last epoch", head: "last epoch" },
  { name: "best", title: "Best epoch", head: "best epoch by test accuracy" },
  { name: "validation", title: "Best on validation", head: "epoch best on validation" },
]);
export const AXES = /** @type {const} */ (["epoch", "seconds", "images"]);
export const MOST_SMOOTHING = 0.95;

/** @typedef {"epoch"|"seconds"|"images"} Axis */
/** @typedef {{runs: number[], recipes: string[], metric: string, x: Axis, smooth: number, hidden: Set<string>, colours: number[],
 *    value: string, target: number|null, seeds: boolean, open: Set<string>, models: [number, number]|null,
 *    pair: [string, string]|null, sweep: ""|"scatter"|"parallel", by: string}} View
 *    recipes: shown with all their runs; hidden: recipes that are not drawn; colours: of each recipe in order, empty where they
 *    are 0, 1, 2 ...; target: a share to be reached; seeds: whether each run is drawn; open: recipes whose runs are listed;
 *    models, pair: what is tested against each other; by: the path of the field that a scatter is drawn over */

/** What makes no sense is left out, so that an address written by hand shows what it can.
 *  @param {string} search @returns {View} */
export function parseView(search) {
  const query = new URLSearchParams(search);
  const smooth = Number(query.get("smooth") ?? 0);
  const target = Number(query.get("target") ?? NaN);
  return {
    runs: [...new Set(numbers(query.getAll("run")))],
    recipes: [...new Set(hashes(query.getAll("recipe").map((one) => one.slice(0, 12))))],
    metric: METRICS.find(({ name }) => name === query.get("metric"))?.name ?? METRICS[0].name,
    x: AXES.find((name) => name === query.get("x")) ?? "epoch",
    smooth: smooth > 0 && smooth <= MOST_SMOOTHING ? smooth : 0,
    hidden: new Set(hashes(parts(query.get("hidden")))),
    colours: parts(query.get("colours")).map(Number).filter((number) => Number.isSafeInteger(number) && number >= 0 && number < 1000),
    value: CHOICES.find(({ name }) => name === query.get("value"))?.name ?? "last",
    target: target > 0 && target <= 1 ? target : null,
    seeds: query.get("seeds") === "1",
    open: new Set(hashes(parts(query.get("open")))),
    models: twoOf(numbers(parts(query.get("models")))),
    pair: twoOf(hashes(parts(query.get("pair")))),
    sweep: query.get("sweep") === "parallel" ? "parallel" : query.get("sweep") === "scatter" ? "scatter" : "",
    by: /^[a-z0-9_.]{1,80}$/.test(query.get("by") ?? "") ? String(query.get("by")) : "",
  };
}

/** @param {View} view */
export function addressOf(view) {
  const { runs, recipes, metric, x, smooth, hidden, colours, value, target, seeds, open, models, pair, sweep, by } = view;
  const query = new URLSearchParams(recipes.map((recipe) => ["recipe", recipe]));
  if (metric !== METRICS[0].name) query.set("metric", metric);
  if (x !== "epoch") query.set("x", x);
  if (smooth) query.set("smooth", String(smooth));
  if (hidden.size) query.set("hidden", [...hidden].join(","));
  if (colours.some((colour, place) => colour !== place)) query.set("colours", colours.join(","));
  if (value !== "last") query.set("value", value);
  if (target !== null) query.set("target", String(target));
  if (seeds) query.set("seeds", "1");
  if (open.size) query.set("open", [...open].join(","));
  if (models) query.set("models", models.join(","));
  if (pair) query.set("pair", pair.join(","));
  if (sweep) query.set("sweep", sweep);
  if (by) query.set("by", by);
  const address = compareAddress(runs);
  return query.size ? `${address}${runs.length ? "&" : "?"}${query}` : address;
}

/** What the service is asked for: the runs and recipes of a view. @param {View} view */
export const askedOf = ({ runs, recipes }) => new URLSearchParams([...runs.map((run) => ["run", String(run)]), ...recipes.map((recipe) => ["recipe", recipe])]);

/** A colour for each of `count` recipes: those that were kept, then the lowest free ones. A recipe that is taken out
 *  must not repaint the others. @param {number[]} kept @param {number} count @returns {number[]} */
export function coloursFor(kept, count) {
  const colours = [...new Set(kept)].slice(0, count);
  const taken = new Set(colours);
  for (let free = 0; colours.length < count; free += 1) if (!taken.has(free)) colours.push(free);
  return colours;
}

/** What of a view changes where a recipe is taken out; null where it is in it no more.
 *  @param {View} view @param {string} recipe @param {{recipe: string, runs: number[]}[]} items @param {(recipe: string) => number} colourOf
 *  @returns {Partial<View>|null} */
export function withoutRecipe(view, recipe, items, colourOf) {
  const gone = items.find((item) => item.recipe === recipe)?.runs ?? [];
  const runs = view.runs.filter((run) => !gone.includes(run));
  const recipes = view.recipes.filter((one) => one !== recipe);
  if (runs.length === view.runs.length && recipes.length === view.recipes.length) return null;
  const [hidden, open] = [view.hidden, view.open].map((one) => new Set([...one].filter((other) => other !== recipe)));
  const pair = view.pair?.includes(recipe) ? null : view.pair;
  const models = view.models?.some((run) => gone.includes(run)) ? null : view.models;
  return { hidden, open, pair, models, runs, recipes, colours: items.filter((item) => item.recipe !== recipe).map((item) => colourOf(item.recipe)) };
}

/** A set with a member more, or without it. @param {Set<string>} set @param {string} member */
export function toggled(set, member) {
  const changed = new Set(set);
  if (!changed.delete(member)) changed.add(member);
  return changed;
}

/** @param {string|null} text */
const parts = (text) => (text ?? "").split(",").filter(Boolean);

/** @param {string[]} texts */
const numbers = (texts) => texts.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0);

/** @param {string[]} texts */
const hashes = (texts) => texts.filter((text) => /^[0-9a-f]{12}$/.test(text));

/** @template T @param {T[]} values @returns {[T, T]|null} */
const twoOf = (values) => (values.length === 2 && values[0] !== values[1] ? [values[0], values[1]] : null);

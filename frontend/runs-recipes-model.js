/** A recipe with its runs as a row shows it: its standing in words, its numbers, what a filter finds in it. Pure. */

import { count, elapsedSeconds, isNumber, percent, recipeParts } from "./format.js";
import { fractionDone, stateText } from "./progress.js";
import { staleTitle } from "./run-losses-model.js";
import { isOver, isStale, isTraining, shownState } from "./run-states.js";
import { accuracyText } from "./runs-accuracy.js";
import { inFilter, searchText } from "./runs-model.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").RunState} RunState */
/** @typedef {{recipe: string, name: string, preset: string|null, size: string|null, differs: string[], counts: Object<string, number>,
 *    total: number, accuracy: import("./runs-accuracy.js").Accuracy, best: {value: number, epoch: number, run: number}|null}} Recipe
 *    what the API says of it beside its runs */
/** @typedef {{recipe: Recipe, runs: Run[]}} Shown runs: the newest first, at least one */

/** The state that a recipe's dot shows: what goes on first, then what went wrong. */
const PRECEDENCE = /** @type {RunState[]} */ (["running", "cancelling", "queued", "waiting", "completed", "failed", "cancelled"]);
const OTHERS = /** @type {RunState[]} */ (["running", "cancelling", "queued", "waiting", "failed", "cancelled"]);
const LONGEST_LINE = 4;

/** How many runs are in each state: by the rows where all are here, else as the API counted. @param {Shown} shown
 *  @returns {Object<string, number>} */
export function countsOf({ recipe, runs }) {
  if (runs.length < recipe.total) return recipe.counts;
  return runs.reduce((counts, { state }) => ({ ...counts, [state]: (counts[state] ?? 0) + 1 }), /** @type {Object<string, number>} */ ({}));
}

/** "2 of 5 completed, 3 running (1 stale)"; a recipe with one run speaks as the run. @param {Shown} shown @param {number} now
 *  @returns {{state: RunState|"stale", text: string, detail: string|null}} */
export function standingOf(shown, now) {
  const [newest] = shown.runs;
  if (shown.recipe.total === 1) return { state: shownState(newest), text: stateText(newest, now), detail: staleTitle(newest, now) ?? newest.detail };
  const counts = countsOf(shown);
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const completed = counts.completed ?? 0;
  const done = completed === total ? `${count(total)} completed` : completed ? `${count(completed)} of ${count(total)} completed` : "";
  const stale = shown.runs.filter(isStale);
  const others = OTHERS.filter((state) => counts[state]).map((state) => {
    const silent = stale.filter((run) => run.state === state).length;
    return `${count(counts[state])} ${state}${silent ? ` (${count(silent)} stale)` : ""}`;
  });
  const text = [done, ...others].filter(Boolean).join(", ");
  return { state: stale.length ? "stale" : PRECEDENCE.find((state) => counts[state]) ?? newest.state, text, detail: text };
}

/** How far the newest running run is, null where none runs. @param {Shown} shown @param {number} now
 *  @returns {{fraction: number|null, text: string}|null} */
export function progressOf({ runs }, now) {
  const running = runs.find(isTraining);
  return running ? { fraction: fractionDone(running), text: stateText(running, now) } : null;
}

/** The accuracy of completed runs; where none is, that of the newest epoch so far. @param {Shown} shown */
export function accuracyShown({ recipe, runs }) {
  if (recipe.accuracy.n) return { ...accuracyText(recipe.accuracy), soFar: false };
  const [newest] = runs.filter((run) => isNumber(run.last?.metrics.test_acc));
  if (!newest) return { value: "", extra: "", title: "", soFar: true };
  const over = isOver(newest);
  return { value: percent(newest.last?.metrics.test_acc), extra: over && newest.state !== "completed" ? "not completed" : over ? "" : "so far", title: "", soFar: newest.state !== "completed" };
}

/** The best epoch of any run; the rows know it sooner than the API said. @param {Shown} shown */
export function bestShown({ recipe, runs }) {
  const known = recipe.best ? [recipe.best] : [];
  const found = runs.flatMap(({ id, best_test_acc: value, best_epoch: epoch }) => (isNumber(value) && isNumber(epoch) ? [{ value, epoch, run: id }] : []));
  // Where all runs are here they alone count: a rewind may have taken the API's best back.
  const all = runs.length < recipe.total ? [...found, ...known] : found;
  const best = all.reduce((one, other) => (one === null || other.value > one.value ? other : one), /** @type {typeof known[0]|null} */ (null));
  return best ? { value: percent(best.value), extra: `epoch ${best.epoch}` } : { value: "", extra: "" };
}

/** The run whose curve stands for the recipe: the newest that has one. @param {Shown} shown */
export const drawn = ({ runs }) => runs.find((run) => run.curve.length) ?? runs[0];

/** Mean time of the completed runs; of the newest that began where none is. @param {Shown} shown @param {number} now
 *  @returns {number|null} seconds */
export function timeOf({ runs }, now) {
  const done = runs.filter(({ state }) => state === "completed").flatMap((run) => elapsedSeconds(run, now) ?? []);
  if (done.length) return done.reduce((sum, seconds) => sum + seconds, 0) / done.length;
  const begun = runs.find((run) => run.started_at);
  return begun ? elapsedSeconds(begun, now) : null;
}

/** "softmax-regression · lr 0.1 · 10 epochs · shapes · momentum 0.9": the network and what its preset does otherwise. @param {Shown} shown */
export function lineOf({ recipe, runs: [newest] }) {
  const differs = recipe.differs.filter((text) => !/^\S+ epochs?$/.test(text)); // every line names them
  const more = differs.length - LONGEST_LINE;
  const changed = more > 0 ? [...differs.slice(0, LONGEST_LINE), `${more} more`] : differs;
  const seed = recipe.total === 1 ? [`seed ${newest.seed}`] : [];
  return [...recipeParts(newest.spec), ...changed, ...seed].join(" · ");
}

/** All words of the filter occur in the runs of the recipe, as the service understands it. @param {Shown} shown @param {string} query */
export function recipeMatches({ runs }, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = words.length ? runs.map(searchText) : [];
  return words.every((word) => texts.some((text) => text.includes(word)));
}

/** @param {Shown} shown @param {string} filter a name of runs-model's FILTERS */
export const recipeInFilter = ({ runs }, filter) => runs.some((run) => inFilter(run, filter));

/** The seeds in order, of each the newest run first. @param {Run[]} runs */
export const bySeed = (runs) => [...runs].sort((one, other) => one.seed - other.seed || other.id - one.id);

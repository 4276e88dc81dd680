/** A person's own report: what its rows say, and what an edit sends. Pure: no DOM, no network. */

import { counted, isNumber, loss, MISSING, NOT_FINITE, percent } from "./format.js";

/** @typedef {import("./report-types.js").Cell} Cell */
/** @typedef {import("./report-types.js").Judged} Judged */
/** @typedef {{recipe: string, runs: number[], label: string|null, reference: string|null, experiment: string|null}} ChosenRow */
/** @typedef {ChosenRow & {name: string|null, there: boolean, members: {id: number, seed: number, state: string, counted: boolean}[], gone: number[], n: number,
 *   left_out: string|null, cells: Object<string, Cell>, add: import("./report-types.js").SeedLaunch|null,
 *   held: {title: string, there: boolean, protocol: {field: string, published: string, here: string}[], tolerance_points: number|null, judged: Object<string, Judged|null>}|null}} OwnRow */
/** @typedef {{id: number, title: string, notes: string, version: number, created_at: string, changed_at: string, cursor: string, rows: OwnRow[]}} OwnReport */

/** The runs that `/report?own=new&run=1&run=2` is to begin with. @param {string} search @returns {number[]} */
export function chosenRuns(search) {
  const numbers = new URLSearchParams(search).getAll("run").map(Number);
  return [...new Set(numbers.filter((number) => Number.isSafeInteger(number) && number > 0))];
}

/** "7, 9 12" as numbers, or null where there is anything else in it. @param {string} text @returns {number[]|null} */
export function runNumbers(text) {
  const words = text.split(/[\s,]+/).filter(Boolean);
  return words.every((word) => /^\d{1,15}$/.test(word) && Number(word) > 0) ? [...new Set(words.map(Number))] : null;
}

/** "94.8 ± 0.4", "38.0, 40.0" of two, "94.8" of one. @param {string} metric @param {Cell} cell */
export function valueText(metric, { n, kind, mean, half, values }) {
  const shown = /acc$/.test(metric) ? percent : loss;
  if (!n) return MISSING;
  if (kind === "not a number") return NOT_FINITE.nan;
  if (values) return values.map(shown).join(", ");
  return isNumber(half) ? `${shown(mean)} ± ${/acc$/.test(metric) ? (100 * half).toFixed(1) : loss(half)}` : shown(mean);
}

/** @param {OwnRow} row */
export const rowTitle = ({ label, name, recipe }) => label || name || `Recipe ${recipe.slice(0, 12)}`;

/** What is to be known of a row beside its numbers. @param {OwnRow} row @returns {string} */
export function rowRemark({ there, gone, left_out: leftOut, members, held }) {
  const going = members.filter(({ state }) => ["queued", "waiting", "running", "cancelling"].includes(state)).length;
  const lost = held && !held.there ? `The reference ${held.title} is not here any more, or has no such experiment.` : "";
  return [
    there ? "" : "All runs of this recipe were deleted.",
    gone.length && there ? `${counted(gone.length, "chosen run")} ${gone.length === 1 ? "was" : "were"} deleted.` : "",
    going ? `${counted(going, "run")} on the way.` : "",
    leftOut ?? "",
    lost,
  ].filter(Boolean).join(" ");
}

/** Every run of a report. @param {OwnReport} report @returns {number[]} */
export const runsOfOwn = ({ rows }) => [...new Set(rows.flatMap(({ members }) => members.map(({ id }) => id)))];

/** What an edit or a new report sends. @param {{title: string, notes: string, rows: ChosenRow[], runs: number[], version: number|null}} edited */
export const requestOf = ({ title, notes, rows, runs, version }) => ({
  title,
  notes,
  rows: rows.map(({ recipe, runs: own, label, reference, experiment }) => ({ recipe, runs: own, label, reference, experiment })),
  runs,
  ...(version === null ? {} : { version }),
});

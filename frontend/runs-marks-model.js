/** What was found of runs, as a row of the Runs page says it: the gravest in a few words, all of it in its title. Pure. */

import { count } from "./format.js";

/** @typedef {import("./types.js").Mark} Mark */
/** @typedef {import("./types.js").Run} Run */
/** @typedef {{severity: "sick"|"note", text: string, title: string}} Shown */

/** What rows are shown by, beside the rules: as the service takes it. */
export const KINDS = [
  { name: "", title: "Any findings or none" },
  { name: "any", title: "Something found" },
  { name: "sick", title: "Sick" },
  { name: "note", title: "Worth a note" },
];

/** Whether something was found of a run that is asked for by `wanted`: a rule, "sick", "note", "any"; "" asks for nothing.
 *  @param {Run} run @param {string} wanted */
export const isFound = ({ findings }, wanted) =>
  wanted === "" || findings.some(({ rule, severity }) => wanted === "any" || wanted === severity || wanted === rule);

/** The mark of a row: of one run, or of those of a recipe that are here; null where nothing was found.
 *  @param {Run[]} runs @returns {Shown|null} */
export function markOf(runs) {
  const found = grouped(runs);
  if (!found.length) return null;
  const [first] = found;
  const more = found.filter(({ severity }) => severity === first.severity).length - 1;
  const words = `${first.severity}: ${first.title.toLowerCase()}${more ? ` +${more}` : ""}`;
  // A note is no alarm: what it says is told when it is asked for.
  const text = first.severity === "sick" ? words : more ? `${more + 1} notes` : "note";
  return { severity: first.severity, text, title: found.map((one) => sentence(one, runs.length)).join("\n") };
}

/** Each rule once, the gravest first, with the runs it holds of. @param {Run[]} runs @returns {(Mark & {runs: number})[]} */
function grouped(runs) {
  /** @type {Map<string, Mark & {runs: number}>} */ const found = new Map();
  for (const { findings } of runs) {
    for (const mark of findings) {
      const known = found.get(mark.rule);
      // Of several runs a rule may be a note for one and grave for another.
      const gravest = known?.severity === "sick" ? known : mark;
      found.set(mark.rule, { ...gravest, runs: (known?.runs ?? 0) + 1 });
    }
  }
  return [...found.values()].sort((one, other) => Number(other.severity === "sick") - Number(one.severity === "sick"));
}

/** @param {Mark & {runs: number}} mark @param {number} all */
const sentence = ({ severity, title, epoch, runs }, all) =>
  `${severity === "sick" ? "Sick" : "Note"}: ${title.toLowerCase()}${all > 1 ? `, ${count(runs)} of ${count(all)} runs` : `, from epoch ${epoch}`}.`;

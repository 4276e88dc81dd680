/** The first thing on the page: which recipe is better and how sure that is; what would help; what is left out. */

import { missingText, openSeeds } from "./compare-launch.js";
import { seedsAddress } from "./links.js";
import { counted, plain } from "./format.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";

/** @typedef {import("./compare-model.js").Answer} Answer */

const QUESTIONS = /** @type {Object<string, string>} */ ({ models: "These trained models", recipes: "These recipes, over seeds" });

/** What decides, in a line: the test, its p, and the family that it was corrected for. Pure. @param {Answer["verdict"]} verdict */
export function decidedBy({ decided_by: by, p, family }) {
  if (by === "welch") return `Decided by Welch’s t-test over seeds: p ${pText(p ?? NaN)}; ${family > 1 ? `Holm’s correction for a family of ${counted(family, "pair")}` : "one pair, nothing to correct"}`;
  if (by === "wilson") return "Decided by the 95% intervals of one run each (Wilson, by the test images): no p. The exact test of two trained models is below";
  return "Nothing decides yet: no test, no p";
}

/** "= 0.012", "< 0.001". @param {number} p */
export const pText = (p) => (p < 0.001 ? "< 0.001" : `= ${plain(Number(p.toPrecision(3)))}`);

/** @returns {(answer: Answer) => void} */
export function createVerdict() {
  const seeds = createList(byId("more-seeds"), ({ recipe }) => recipe, () => {
    const link = element("a");
    const update = (/** @type {Answer["verdict"]["more_seeds"][0]} */ { label, clone, seeds: wanted }) => {
      setAttribute(link, "href", seedsAddress(clone, wanted));
      setText(link, `${label}: other seeds…`);
    };
    return { node: element("li", {}, link), update };
  });
  const warnings = createList(byId("warnings"), (text) => text, (text) => ({ node: element("li", { text }), update: () => {} }));

  return ({ verdict, warnings: told, runs }) => {
    const open = openSeeds(verdict.more_seeds, runs);
    setText(byId("question"), QUESTIONS[verdict.question ?? ""] ?? "");
    byId("question").hidden = !verdict.question;
    setText(byId("verdict-text"), verdict.text);
    setText(byId("decided-by"), decidedBy(verdict));
    seeds(open);
    byId("decide").hidden = !open.length;
    if (!byId("launch-missing").getAttribute("aria-disabled")) setText(byId("launch-missing"), `Launch the missing seeds: ${missingText(open)}`);
    warnings(told);
    byId("warnings").hidden = !told.length;
  };
}

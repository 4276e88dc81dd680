/** The first thing on the page: which recipe is better and how sure that is; what would help; what is left out. */

import { missingText, openSeeds } from "./compare-launch.js";
import { seedsAddress } from "./links.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";

/** @typedef {import("./compare-model.js").Answer} Answer */

const QUESTIONS = /** @type {Object<string, string>} */ ({ models: "These trained models", recipes: "These recipes, over seeds" });

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
    seeds(open);
    byId("decide").hidden = !open.length;
    if (!byId("launch-missing").getAttribute("aria-disabled")) setText(byId("launch-missing"), `Launch the missing seeds: ${missingText(open)}`);
    warnings(told);
    byId("warnings").hidden = !told.length;
  };
}

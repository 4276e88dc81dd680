/** The first thing on the page: which recipe is better and how sure that is; what would help; what is left out. */

import { seedsAddress } from "./compare-links.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";

/** @typedef {import("./compare-model.js").Answer} Answer */

const QUESTIONS = /** @type {Object<string, string>} */ ({ models: "These trained models", recipes: "These recipes, over seeds" });

/** @returns {(answer: Answer) => void} */
export function createVerdict() {
  const seeds = createList(byId("more-seeds"), ({ recipe }) => recipe, () => {
    const link = element("a", { class: "button small-button" });
    const update = (/** @type {Answer["verdict"]["more_seeds"][0]} */ { label, clone, seeds: wanted }) => {
      setAttribute(link, "href", seedsAddress(clone, wanted));
      setText(link, `Launch ${label} with seed${wanted.length === 1 ? "" : "s"} ${wanted.join(", ")}`);
    };
    return { node: element("li", {}, link), update };
  });
  const warnings = createList(byId("warnings"), (text) => text, (text) => ({ node: element("li", { text }), update: () => {} }));

  return ({ verdict, warnings: told }) => {
    setText(byId("question"), QUESTIONS[verdict.question ?? ""] ?? "");
    byId("question").hidden = !verdict.question;
    setText(byId("verdict-text"), verdict.text);
    seeds(verdict.more_seeds);
    byId("more-seeds").hidden = !verdict.more_seeds.length;
    warnings(told);
    byId("warnings").hidden = !told.length;
  };
}

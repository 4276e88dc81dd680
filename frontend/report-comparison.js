/** What the report states of two experiments, what its numbers say, what was measured, and whether that is more than chance. */

import { createList, element, setAttribute, setText } from "./dom.js";
import { blockHeading } from "./report-parts.js";
import { createSeedButton } from "./report-seeds.js";

/** @typedef {import("./report-types.js").Compared} Compared */
/** @typedef {import("./report-types.js").Comparison} Comparison */

const TERMS = /** @type {const} */ ([
  ["stated", "The report states", ""],
  ["published", "Its numbers say", ""],
  ["remark", "", "remark"],
  ["measured", "Measured here", "measured"],
  ["otherwise", "", "remark"],
  ["models", "These two trained models", "test"],
  ["recipes", "These two recipes, over seeds", "test"],
  ["more", "Seeds to add", ""],
]);

/** The sentences of an item by their place; "" hides one. Pure. @param {Compared} item @returns {Object<string, string>} */
export function sentences({ stated, published, remark, measured, otherwise, tests }) {
  const { models, recipes, more } = tests;
  return { stated, published, remark: remark ?? "", measured, otherwise: otherwise ?? "", models: models.text, recipes: recipes.text, more: more.text };
}

/** @param {Comparison} _first @param {import("./report-experiment.js").Place} place */
export function createComparison(_first, { stale, onAdded }) {
  const heading = blockHeading();
  const list = element("div", { class: "comparisons" });
  const node = element("div", { class: "block" }, heading.node, list);
  const items = createList(list, (_item, index) => index, () => createItem(stale, onAdded));
  const update = (/** @type {Comparison} */ block) => {
    setAttribute(node, "id", block.id ?? null);
    heading.update(block);
    items(block.items);
  };
  return { node, update };
}

/** @param {Set<number>} stale @param {(runs: number[]) => void} onAdded */
function createItem(stale, onAdded) {
  const add = createSeedButton({ onAdded }, true);
  const parts = TERMS.map(([name, title, kind]) => {
    const text = element("span");
    const value = element("dd", { class: kind || null, "data-part": name }, text);
    if (name === "more") value.append(" ", add.node);
    return { name, text, value, term: title ? element("dt", { text: title }) : null };
  });
  const note = element("p", { class: "muted small" });
  const terms = element("dl", {}, ...parts.flatMap(({ term, value }) => (term ? [term, value] : [value])));
  const node = element("div", { class: "card comparison" }, terms, note);
  const update = (/** @type {Compared} */ item) => {
    const said = sentences(item);
    for (const { name, text, value, term } of parts) {
      setText(text, said[name]);
      value.hidden = !said[name];
      if (term) term.hidden = !said[name];
      if (name === "measured") value.classList.toggle("muted", item.measured.startsWith("not measured"));
    }
    add.update(item.tests.more.launches);
    setText(note, item.note ?? "");
    note.hidden = !item.note;
    setAttribute(node, "data-stale", item.run_ids.some((id) => stale.has(id)) ? "" : null);
  };
  return { node, update };
}

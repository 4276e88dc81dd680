/** The blocks of a report besides its experiments: text, changed layers, comparisons, references. */

import { createList, element, setAttribute, setText } from "./dom.js";
import { createComparison } from "./report-comparison.js";
import { createExperiment } from "./report-experiment.js";
import { blockHeading, scrolling } from "./report-parts.js";
import { createSweep } from "./report-sweep.js";

/** @typedef {import("./report-types.js").Block} Block */
/** @typedef {{node: any, update: (block: any) => void}} Shown */

/** @type {Object<string, (block: any, place: import("./report-experiment.js").Place) => Shown>} */
const MAKERS = { text: createText, changes: createChanges, experiment: createExperiment, comparison: createComparison, sweep: createSweep, references: createReferences };

/** @param {Block} block @param {import("./report-experiment.js").Place} place */
export const createBlock = (block, place) => MAKERS[block.kind](block, place);

function createText() {
  const heading = blockHeading();
  const text = element("p", { class: "prose" });
  const node = element("div", { class: "block" }, heading.node, text);
  const update = (/** @type {import("./report-types.js").TextBlock} */ block) => {
    setAttribute(node, "id", block.id ?? null);
    heading.update(block);
    setText(text, block.text ?? "");
  };
  return { node, update };
}

function createChanges() {
  const heading = blockHeading();
  const text = element("p", { class: "prose" });
  const body = element("tbody");
  const head = element("tr", {}, ...["Network", "Layer", "Before", "After", "Used in"].map((name) => element("th", { scope: "col", text: name })));
  const table = element("table", { class: "tight" }, element("thead", {}, head), body);
  const node = element("div", { class: "block" }, heading.node, text, scrolling(table, "Changed output layers"));
  const rows = createList(body, (/** @type {import("./report-types.js").Change} */ { arch }, index) => `${arch} ${index}`, () => {
    const cells = [0, 1, 2, 3, 4].map((column) => element("td", { class: column && column < 4 ? "mono" : null }));
    return {
      node: element("tr", {}, ...cells),
      update({ title, path, before, after, sections }) {
        [title, path, before, after].forEach((value, column) => setText(cells[column], value));
        if (cells[4].textContent !== sections.join(", "))
          cells[4].replaceChildren(...sections.flatMap((id, index) => [index ? ", " : "", element("a", { href: `#${id}`, text: id })]));
      },
    };
  });
  const update = (/** @type {import("./report-types.js").Changes} */ block) => {
    setAttribute(node, "id", block.id ?? null);
    heading.update(block);
    setText(text, block.text);
    rows(block.rows);
  };
  return { node, update };
}

function createReferences() {
  const list = element("ol", { class: "references" });
  const items = createList(list, (/** @type {{label: string}} */ { label }, index) => `${label} ${index}`, (item) => {
    const label = element("b");
    const text = element("span");
    // Only addresses of the web become links: a report must not carry a script in one.
    const link = /^https?:\/\//.test(item.url ?? "") ? [element("a", { href: item.url, rel: "noreferrer", text: item.url })] : [];
    return {
      node: element("li", {}, label, text, ...link),
      update(/** @type {{label: string, text: string, url: string|null}} */ changed) {
        setText(label, changed.label);
        setText(text, changed.text);
      },
    };
  });
  return { node: element("div", { class: "block" }, list), update: (/** @type {import("./report-types.js").References} */ block) => items(block.items) };
}

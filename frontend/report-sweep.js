/** The sweep of intermediate layers: as published beside corrected, a row a node. */

import { createList, element, setAttribute, setText, stateLabel } from "./dom.js";
import { count, isNumber, loss, MISSING, percent } from "./format.js";
import { blockHeading, scrolling } from "./report-parts.js";

/** @typedef {import("./report-types.js").SweepRow} SweepRow */
/** @typedef {import("./report-types.js").SweepCell} SweepCell */

const FACTS = ["Node", "Shape", "Features", "Mean square", "Rate"];
const MEASURED = ["Train loss", "Test acc., %", "Largest, %", "Run"];
const MEANINGS = /** @type {Object<string, string>} */ ({
  "Mean square": "Mean over the training images of the squared length of the features",
  Rate: "Learning rate",
  "Largest, %": "Share of the class that is predicted most often; over 95% the model has collapsed",
});

/** "128 × 28 × 28". @param {SweepRow["shape"]} shape */
export const shapeText = (shape) => shape?.join(" × ") ?? MISSING;

/** A number of any size in a short form: "0.92", "1,240", "3.1e-5". @param {number|null} value */
export function shortNumber(value) {
  if (!isNumber(value)) return MISSING;
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return Math.abs(value) < 100 ? String(Number(value.toPrecision(3))) : count(value);
}

export function createSweep() {
  const heading = blockHeading();
  const text = element("p", { class: "prose" });
  const body = element("tbody");
  const table = element("table", { class: "tight sweep" }, head(), body);
  const reasonList = element("ul", { class: "reasons" });
  const card = scrolling(table, "Sweep of intermediate layers");
  card.append(reasonList);
  const node = element("div", { class: "block" }, heading.node, text, card);
  const rows = createList(body, (/** @type {SweepRow} */ row) => row.node, createRow);
  const reasons = createList(reasonList, (/** @type {SweepRow} */ row) => row.node, createReason);
  const update = (/** @type {import("./report-types.js").Sweep} */ block) => {
    setAttribute(node, "id", block.id ?? null);
    heading.update(block);
    setText(text, block.text ?? "");
    rows(block.rows);
    reasons(block.rows);
  };
  return { node, update };
}

function head() {
  const wide = (/** @type {string} */ title) => element("th", { class: "group", scope: "colgroup", colspan: MEASURED.length, text: title });
  const tall = FACTS.map((title, index) => element("th", { scope: "col", rowspan: 2, class: index > 1 ? "number" : null, title: MEANINGS[title], text: title }));
  const columns = [...MEASURED, ...MEASURED].map((title, index) => element("th", { scope: "col", class: index % 4 === 0 ? "number pair" : index % 4 === 3 ? null : "number", title: MEANINGS[title], text: title }));
  return element("thead", {}, element("tr", {}, ...tall, wide("As published: softmax twice"), wide("Corrected")), element("tr", {}, ...columns));
}

/** @param {SweepRow} first */
function createRow(first) {
  const facts = ["", "number", "number", "number"].map((name) => element("td", { class: name }));
  const published = createCell();
  const corrected = createCell();
  const node = element("tr", {}, element("th", { scope: "row", class: "mono", text: first.node }), ...facts, ...published.nodes, ...corrected.nodes);
  const update = (/** @type {SweepRow} */ row) => {
    const texts = [shapeText(row.shape), count(row.dimension), shortNumber(row.mean_square_norm), shortNumber(row.lr)];
    texts.forEach((value, index) => setText(facts[index], value));
    published.update(row.published);
    corrected.update(row.corrected);
  };
  return { node, update };
}

/** @param {SweepRow} first */
function createReason({ node: name }) {
  const text = element("span");
  const update = (/** @type {SweepRow} */ { reason }) => setText(text, reason);
  return { node: element("li", {}, element("b", { class: "mono", text: name }), text), update };
}

function createCell() {
  const values = ["number pair", "number strong", "number"].map((name) => element("td", { class: name }, element("span")));
  const collapsed = element("div", { class: "warned", text: "collapsed", hidden: true });
  values[2].append(collapsed);
  const state = stateLabel();
  const link = element("a", { hidden: true });
  const spoken = element("span", { class: "spoken" }); // the dot's colour, where the run's number stands for the words
  const last = element("td", {}, element("span", { class: "run-of" }, state.node, link, spoken));
  const update = (/** @type {SweepCell} */ cell) => {
    [loss(cell.train_loss), percent(cell.test_acc), percent(cell.largest_share)].forEach((value, index) => {
      setText(values[index].firstChild, value);
      values[index].classList.toggle("none", value === MISSING);
    });
    const { run } = cell;
    state.show(run?.state ?? "missing", run ? "" : "not run", run?.state);
    link.hidden = !run;
    setAttribute(link, "href", run ? `/runs/${run.id}` : null);
    setText(link, run ? `run ${run.id}` : "");
    setText(spoken, run?.state ?? "");
    collapsed.hidden = !cell.collapsed;
  };
  return { nodes: [...values, last], update };
}

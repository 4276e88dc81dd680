/** The table of an experiment: each reference beside what was measured over seeds, an epoch a row. */

import { createList, element, setAttribute, setText } from "./dom.js";
import { MISSING } from "./format.js";
import { cellText, cellTitle, differenceText, MARKS, shown, spreadText, UNREADABLE } from "./report-model.js";

/** @typedef {import("./report-types.js").Row} Row */
/** @typedef {import("./report-types.js").Beside} Beside */
/** @typedef {import("./report-types.js").Judged} Judged */

const TITLES = /** @type {Object<string, string>} */ ({ train_loss: "Train loss", train_acc: "Train acc., %", test_loss: "Test loss", test_acc: "Test acc., %" });
const UNITS = (/** @type {string} */ metric) => (/acc$/.test(metric) ? "points" : "nats");

/** @param {string} name of the table @param {string[]} columns metrics */
export function createReportTable(name, columns) {
  const node = element("table", { class: "tight versus", "aria-label": `${name}, published beside measured` });
  let key = "";
  /** @type {(rows: Row[]) => void} */ let rows = () => {};

  /** @param {Row[]} items @param {Beside[]} references */
  const update = (items, references) => {
    // Other references are another table: its columns are made anew, its rows only change.
    const wanted = JSON.stringify(references.map(({ name: one, title }) => [one, title]));
    if (wanted !== key) {
      key = wanted;
      const body = element("tbody");
      node.replaceChildren(head(columns, references), body);
      rows = createList(body, (/** @type {Row} */ { epoch }) => epoch, (first) => createRow(first, columns, references));
    }
    rows(items);
  };
  return { node, update };
}

/** @param {string[]} columns @param {Beside[]} references */
function head(columns, references) {
  const several = references.length > 1;
  const group = (/** @type {string} */ text, /** @type {number} */ colspan) => element("th", { class: "group", scope: "colgroup", colspan, text });
  const column = (/** @type {string} */ text, /** @type {string} */ name, /** @type {string|null} */ title = null) => element("th", { class: name, scope: "col", title, text });
  const measured = () => column("measured", "number", "Mean over the seeds that count, half of its 95% interval, and how many seeds");
  const difference = (/** @type {string} */ metric) => column("Δ", "number", `Measured less published, in ${UNITS(metric)}`);
  const verdict = () => element("th", { class: "mark", scope: "col" }, element("span", { class: "spoken", text: "verdict" }));
  const metrics = columns.map((metric) => group(TITLES[metric] ?? metric, 1 + 3 * references.length));
  const epoch = element("th", { class: "number", scope: "col", rowspan: several ? 3 : 2, text: "Epoch" });
  if (!several) {
    const cells = columns.flatMap((metric) => [...references.map(() => column("published", "number pair")), measured(), ...references.flatMap(() => [difference(metric), verdict()])]);
    return element("thead", {}, element("tr", {}, epoch, ...metrics), element("tr", {}, ...cells));
  }
  const names = columns.flatMap(() => [element("th", { class: "number pair", scope: "col", rowspan: 2, text: "measured" }), ...references.map(({ name: one, title }) => element("th", { class: "group named", scope: "colgroup", colspan: 3, title, text: one }))]);
  const cells = columns.flatMap((metric) => references.flatMap(() => [column("value", "number pair", "As it was published"), difference(metric), verdict()]));
  return element("thead", {}, element("tr", {}, epoch, ...metrics), element("tr", {}, ...names), element("tr", {}, ...cells));
}

/** @param {Row} first @param {string[]} columns @param {Beside[]} references */
function createRow({ epoch }, columns, references) {
  const cells = columns.map((metric) => {
    const measured = createMeasured(metric);
    const judged = references.map((reference, place) => createJudged(metric, reference, place));
    const [only] = judged;
    // One reference stands before what was measured, as in print; several stand behind it.
    const nodes = judged.length === 1 ? [only.published, measured.node, only.delta, only.mark] : [measured.node, ...judged.flatMap(({ published, delta, mark }) => [published, delta, mark])];
    if (judged.length !== 1) measured.node.classList.add("pair");
    return { nodes, update: (/** @type {Row} */ row) => [measured, ...judged].forEach((part) => part.update(row)) };
  });
  const node = element("tr", { "data-epoch": epoch }, element("th", { scope: "row", class: "number", text: epoch }), ...cells.flatMap(({ nodes }) => nodes));
  return { node, update: (/** @type {Row} */ row) => cells.forEach(({ update }) => update(row)) };
}

/** @param {string} metric */
function createMeasured(metric) {
  const value = element("span", { "data-value": metric });
  const spread = element("span", { class: "interval" });
  const node = element("td", { class: metric === "test_acc" ? "number strong" : "number", "data-measured": metric }, value, spread);
  const update = (/** @type {Row} */ row) => {
    const text = cellText(row, metric);
    setText(value, text);
    setText(spread, spreadText(row, metric));
    setAttribute(node, "title", cellTitle(row, metric));
    value.classList.toggle("none", text === MISSING);
  };
  return { node, update };
}

/** @param {string} metric @param {Beside} reference @param {number} place */
function createJudged(metric, { name, there }, place) {
  const published = element("td", { class: "number pair published", "data-published": metric, "data-reference": name });
  const delta = element("td", { class: "number", "data-delta": metric });
  const glyph = element("span", { "aria-hidden": "true" });
  const words = element("span", { class: "spoken" });
  const mark = element("td", { class: "mark", "data-verdict": metric }, glyph, words);
  const update = (/** @type {Row} */ row) => {
    const judged = row.judged?.[place]?.[metric] ?? null;
    setText(published, judged ? shown(metric, judged.published) : there ? UNREADABLE : "");
    setAttribute(published, "title", judged || !there ? null : place === 0 && name === "published" ? "unreadable in the published copy" : "not published");
    // What cannot be read is held against nothing: the cells beside it stay empty.
    setText(delta, judged ? differenceText(metric, judged.delta) : "");
    delta.classList.toggle("none", judged?.delta === null);
    showVerdict(judged);
  };
  const showVerdict = (/** @type {Judged|null} */ judged) => {
    setText(glyph, judged ? MARKS[judged.outcome] : "");
    setText(words, judged?.outcome ?? "");
    setAttribute(mark, "title", judged?.text ?? null);
    setAttribute(mark, "data-outcome", judged?.outcome ?? null);
  };
  return { published, delta, mark, update };
}

/** The table of an experiment: published beside measured, an epoch a row. */

import { createList, element, setAttribute, setText } from "./dom.js";
import { isNumber, MISSING } from "./format.js";
import { deltaText, measuredText, shown, UNREADABLE } from "./report-model.js";

/** @typedef {import("./report-types.js").Row} Row */

const TITLES = /** @type {Object<string, string>} */ ({ train_loss: "Train loss", train_acc: "Train acc., %", test_loss: "Test loss", test_acc: "Test acc., %" });

/** @param {string} name of the table @param {string[]} columns metrics */
export function createReportTable(name, columns) {
  const body = element("tbody");
  const node = element("table", { class: "tight versus", "aria-label": `${name}, published beside measured` }, head(columns), body);
  const rows = createList(body, (/** @type {Row} */ { epoch }) => epoch, (first) => createRow(first, columns));
  return { node, update: rows };
}

/** @param {string[]} columns */
function head(columns) {
  const groups = columns.map((metric) => element("th", { class: "group", scope: "colgroup", colspan: 2, text: TITLES[metric] ?? metric }));
  const pairs = columns.flatMap(() => [element("th", { class: "number pair", scope: "col", text: "published" }), element("th", { class: "number", scope: "col", text: "measured" })]);
  return element(
    "thead",
    {},
    element("tr", {}, element("th", { class: "number", scope: "col", rowspan: 2, text: "Epoch" }), ...groups, element("th", { class: "number pair", scope: "col", rowspan: 2, title: "Measured less published test accuracy, in points" }, "Δ points")),
    element("tr", {}, ...pairs),
  );
}

/** @param {Row} first @param {string[]} columns */
function createRow({ epoch }, columns) {
  const cells = columns.map((metric) => {
    const value = element("span");
    // Several seeds will give an interval beside the number; its place is kept.
    const interval = element("span", { class: "interval" });
    const measured = element("td", { class: metric === "test_acc" ? "number strong" : "number", "data-measured": metric }, value, interval);
    return { metric, published: element("td", { class: "number pair published", "data-published": metric }), value, measured };
  });
  const delta = element("td", { class: "number pair", "data-delta": "" });
  const node = element("tr", { "data-epoch": epoch }, element("th", { scope: "row", class: "number", text: epoch }), ...cells.flatMap(({ published, measured }) => [published, measured]), delta);

  const update = (/** @type {Row} */ row) => {
    for (const { metric, published, value } of cells) {
      const known = isNumber(row.published?.[metric]);
      setText(published, known ? shown(metric, row.published[metric]) : UNREADABLE);
      setAttribute(published, "title", known ? null : "unreadable in the published copy");
      const text = measuredText(row, metric);
      setText(value, text);
      value.classList.toggle("none", text === MISSING);
    }
    setText(delta, deltaText(row.delta_points));
    delta.classList.toggle("none", !isNumber(row.delta_points));
  };
  return { node, update };
}

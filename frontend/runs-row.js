/** The cells of a row of the Runs page, whether it stands for a run or for a recipe. */

import { createCancel } from "./cancel.js";
import { cell, element, progressBar, setText, stateLabel } from "./dom.js";
import { duration } from "./format.js";
import { createMark } from "./runs-marks.js";
import { createSpark } from "./spark.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {{onChanged: (run: Run) => void, onError: (message: string) => void,
 *    selection: ReturnType<import("./runs-selection.js").createSelection>}} RowOptions */

/** @param {Object<string, any>} attributes @param {Node[]} title what names the row @param {Node[]} doing what stands under its state
 *  @param {RowOptions} options */
export function createRowParts(attributes, title, doing, { selection, ...options }) {
  const select = selection.box();
  const size = element("span", { class: "chip", text: "quick", hidden: true });
  const mark = createMark();
  const line = element("div", { class: "recipe" });
  const state = stateLabel();
  const bar = progressBar();
  const last = twoLines("number strong accuracy-cell");
  const best = twoLines("number muted best-cell");
  const spark = createSpark();
  const time = cell("number muted time-cell");
  const cancel = createCancel(options);
  const node = element(
    "tr",
    { role: "row", ...attributes },
    cell("select-cell", select.node),
    cell("run-cell", element("div", { class: "title" }, ...title, size, mark.node), line),
    cell("state-cell", state.node, ...doing, bar),
    last.node,
    best.node,
    cell("spark-cell", spark.node),
    time,
    cell("action-cell", cancel.node),
  );
  const showSeconds = (/** @type {number|null} */ seconds) => setText(time, seconds === null ? "" : duration(seconds));
  return { node, select, size, mark, line, state, bar, last, best, spark, time, cancel, showSeconds };
}

/** A cell with a number and, small under it, how it is meant; empty where there is none. @param {string} classes */
function twoLines(classes) {
  const value = element("span");
  const extra = element("div", { class: "aside" });
  const node = cell(classes, value, extra);
  const show = (/** @type {string} */ text, /** @type {string} */ small = "", /** @type {string} */ title = "") => {
    setText(value, text);
    setText(extra, small);
    node.title = title;
    node.classList.toggle("hollow-cell", !text);
  };
  return { node, show };
}

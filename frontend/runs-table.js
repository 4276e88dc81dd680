/** The rows of the table of runs: one per run, made once, then changed cell by cell. */

import { createCancel } from "./cancel.js";
import { cell, element, progressBar, setText, showProgress, stateLabel } from "./dom.js";
import { duration, elapsedSeconds, percent, recipeLine, runTitle } from "./format.js";
import { fractionDone, stateText } from "./progress.js";
import { createSpark } from "./spark.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {{onChanged: (run: Run) => void, onError: (message: string) => void,
 *    selection: ReturnType<import("./runs-selection.js").createSelection>}} RowOptions */

/** @param {HTMLElement} body the tbody @param {RowOptions & {now: () => number}} options */
export function createRunsTable(body, { now, ...options }) {
  /** @type {Map<number, ReturnType<typeof createRow>>} */ const rows = new Map();

  /** Show the run in its row; a new row goes to its place, no other row moves. @param {Run} run @param {boolean} visible */
  const show = (run, visible) => {
    let row = rows.get(run.id);
    if (!row) {
      row = createRow(run, options);
      rows.set(run.id, row);
      body.insertBefore(row.node, firstOlder(body, run.id));
    }
    row.update(run, now());
    row.node.hidden = !visible;
  };

  /** @param {number} id */
  const remove = (id) => {
    rows.get(id)?.node.remove();
    rows.delete(id);
  };

  return { show, remove, tick: (/** @type {Run} */ run) => rows.get(run.id)?.showTime(run, now()) };
}

/** Newest first: the row before which a run belongs. @param {HTMLElement} body @param {number} id */
function firstOlder(body, id) {
  for (const row of body.children) if (Number(/** @type {HTMLElement} */ (row).dataset.run) < id) return row;
  return null;
}

/** @param {Run} run @param {RowOptions & {asSeed?: boolean}} options `asSeed`: under its recipe, which says the rest */
export function createRow(run, { selection, asSeed = false, ...options }) {
  const select = selection.box();
  const link = element("a", { href: `/runs/${run.id}` });
  const size = element("span", { class: "chip", text: "quick", hidden: true });
  const recipe = element("div", { class: "recipe" });
  const state = stateLabel();
  const bar = progressBar();
  const last = twoLines("number strong accuracy-cell");
  const best = twoLines("number muted best-cell");
  const spark = createSpark();
  const time = cell("number muted time-cell");
  const cancel = createCancel(options);
  const number = element("span", { class: "aside", text: `#${run.id}` });
  const node = element(
    "tr",
    { role: "row", class: asSeed ? "seed" : null, "data-run": run.id },
    cell("select-cell", select.node),
    cell("run-cell", element("div", { class: "title" }, link, number, size), recipe),
    cell("state-cell", state.node, bar),
    last.node,
    best.node,
    cell("spark-cell", spark.node),
    time,
    cell("action-cell", cancel.node),
  );

  const showTime = (/** @type {Run} */ changed, /** @type {number} */ now) => {
    const seconds = elapsedSeconds(changed, now);
    setText(time, seconds === null ? "" : duration(seconds));
  };

  const update = (/** @type {Run} */ changed, /** @type {number} */ now) => {
    const title = asSeed ? `seed ${changed.seed}` : runTitle(changed);
    node.dataset.state = changed.state;
    select.update([changed.id], `${runTitle(changed)}, run ${changed.id}`);
    setText(link, title);
    link.title = title;
    size.hidden = asSeed || changed.size !== "quick";
    setText(recipe, asSeed ? "" : recipeLine(changed));
    state.show(changed.state, stateText(changed), changed.detail);
    showProgress(bar, fractionDone(changed), stateText(changed));
    last.show(changed.last ? percent(changed.last.metrics.test_acc) : "");
    best.show(changed.best_test_acc === null ? "" : percent(changed.best_test_acc), changed.best_epoch === null ? "" : `epoch ${changed.best_epoch}`);
    spark.draw(changed.curve, changed.spec.epochs);
    cancel.update(changed);
    showTime(changed, now);
  };
  return { node, update, showTime };
}

/** A cell with a number and, small under it, how it is meant; empty where there is none. @param {string} classes */
export function twoLines(classes) {
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

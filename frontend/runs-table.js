/** The rows of the table: one per run, made once, then changed cell by cell. */

import { createCancel } from "./cancel.js";
import { element, setText, showProgress, stateLabel } from "./dom.js";
import { duration, elapsedSeconds, percent, recipeLine, runTitle } from "./format.js";
import { fractionDone, stateText } from "./progress.js";
import { createSpark } from "./spark.js";

/** @typedef {import("./types.js").Run} Run */

/** @param {HTMLElement} body the tbody
 *  @param {{now: () => number, onChanged: (run: Run) => void, onError: (message: string) => void}} options */
export function createRunsTable(body, { now, onChanged, onError }) {
  /** @type {Map<number, ReturnType<typeof createRow>>} */ const rows = new Map();

  /** Show the run in its row; a new row goes to its place, no other row moves. @param {Run} run @param {boolean} visible */
  const show = (run, visible) => {
    let row = rows.get(run.id);
    if (!row) {
      row = createRow(run, { onChanged, onError });
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

  /** Move the focus to the next (1) or previous (-1) visible row. @param {1|-1} step */
  const move = (step) => {
    const links = /** @type {HTMLElement[]} */ ([...body.querySelectorAll("tr:not([hidden]) .title a")]);
    const here = links.findIndex((link) => link.closest("tr")?.contains(document.activeElement));
    const next = here < 0 ? 0 : Math.min(links.length - 1, Math.max(0, here + step));
    links[next]?.focus();
  };

  return { show, remove, move, tick: (/** @type {Run} */ run) => rows.get(run.id)?.showTime(run, now()) };
}

/** Newest first: the row before which a run belongs. @param {HTMLElement} body @param {number} id */
function firstOlder(body, id) {
  for (const row of body.children) if (Number(/** @type {HTMLElement} */ (row).dataset.run) < id) return row;
  return null;
}

/** @param {Run} run @param {{onChanged: (run: Run) => void, onError: (message: string) => void}} options */
function createRow(run, options) {
  const link = element("a", { href: `/runs/${run.id}` });
  const size = element("span", { class: "chip", text: "quick", hidden: true });
  const recipe = element("div", { class: "recipe" });
  const state = stateLabel();
  const bar = element("div", { class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 }, element("i"));
  const last = cell("number strong accuracy-cell");
  const best = cell("number muted best-cell");
  const spark = createSpark();
  const time = cell("number muted time-cell");
  const cancel = createCancel(options);
  const number = element("span", { class: "aside", text: `#${run.id}` });
  const node = element(
    "tr",
    { role: "row", "data-run": run.id },
    cell("run-cell", element("div", { class: "title" }, link, number, size), recipe),
    cell("state-cell", state.node, bar),
    last,
    best,
    cell("spark-cell", spark.node),
    time,
    cell("action-cell", cancel.node),
  );

  const showTime = (/** @type {Run} */ changed, /** @type {number} */ now) => {
    const seconds = elapsedSeconds(changed, now);
    setText(time, seconds === null ? "" : duration(seconds));
  };

  const update = (/** @type {Run} */ changed, /** @type {number} */ now) => {
    node.dataset.state = changed.state;
    setText(link, runTitle(changed));
    link.title = runTitle(changed);
    size.hidden = changed.size !== "quick";
    setText(recipe, recipeLine(changed));
    state.show(changed.state, stateText(changed), changed.detail);
    showProgress(bar, fractionDone(changed), stateText(changed));
    setText(last, changed.last ? percent(changed.last.metrics.test_acc) : "");
    setText(best, changed.best_test_acc === null ? "" : percent(changed.best_test_acc));
    spark.draw(changed.curve, changed.spec.epochs);
    cancel.update(changed);
    showTime(changed, now);
  };
  return { node, update, showTime };
}

/** @param {string} classes @param {...Node} children */
const cell = (classes, ...children) => element("td", { role: "cell", class: classes }, ...children);

/** The rows of the table of runs: one per run, made once, then changed cell by cell. */

import { element, setText, showProgress } from "./dom.js";
import { elapsedSeconds, percent, recipeLine, runTitle } from "./format.js";
import { fractionDone, stateText } from "./progress.js";
import { staleTitle } from "./run-losses-model.js";
import { shownState } from "./run-states.js";
import { createRowParts } from "./runs-row.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./runs-row.js").RowOptions} RowOptions */

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

  return { show, remove, tick: (/** @type {Run} */ run) => rows.get(run.id)?.tick(run, now()) };
}

/** Newest first: the row before which a run belongs. @param {HTMLElement} body @param {number} id */
function firstOlder(body, id) {
  for (const row of body.children) if (Number(/** @type {HTMLElement} */ (row).dataset.run) < id) return row;
  return null;
}

/** @param {Run} run @param {RowOptions & {asSeed?: boolean}} options `asSeed`: under its recipe, which says the rest */
export function createRow(run, { asSeed = false, ...options }) {
  const link = element("a", { href: `/runs/${run.id}` });
  const number = element("span", { class: "aside", text: `#${run.id}` });
  const { node, select, size, mark, line, state, bar, last, best, spark, cancel, showSeconds } = createRowParts(
    { class: asSeed ? "seed" : null, "data-run": run.id },
    [link, number],
    [],
    options,
  );

  const tick = (/** @type {Run} */ changed, /** @type {number} */ now) => {
    state.show(shownState(changed), stateText(changed, now), staleTitle(changed, now) ?? changed.detail);
    showSeconds(elapsedSeconds(changed, now));
  };

  const update = (/** @type {Run} */ changed, /** @type {number} */ now) => {
    const title = asSeed ? `seed ${changed.seed}` : runTitle(changed);
    node.dataset.state = changed.state;
    select.update([changed.id], `${runTitle(changed)}, run ${changed.id}`);
    setText(link, title);
    link.title = title;
    size.hidden = asSeed || changed.size !== "quick";
    mark.update([changed]);
    setText(line, asSeed ? "" : recipeLine(changed));
    showProgress(bar, fractionDone(changed), stateText(changed, now));
    last.show(changed.last ? percent(changed.last.metrics.test_acc) : "");
    best.show(changed.best_test_acc === null ? "" : percent(changed.best_test_acc), changed.best_epoch === null ? "" : `epoch ${changed.best_epoch}`);
    spark.draw(changed.curve, changed.spec.epochs);
    cancel.update(changed);
    tick(changed, now);
  };
  return { node, update, tick };
}

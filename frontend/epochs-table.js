/** The numbers of each epoch as a table: there before any curve is drawn, and beside it afterwards. */

import { byId, element, setText } from "./dom.js";
import { createFollower } from "./follow-end.js";
import { duration, loss, NOT_FINITE, percent } from "./format.js";
import { epochRows } from "./series-model.js";

/** @typedef {import("./series-model.js").SeriesByMetric} SeriesByMetric */

const COLUMNS = /** @type {const} */ ([
  { metric: "train_loss", title: "Train loss", format: loss },
  { metric: "train_acc", title: "Train acc., %", format: percent },
  { metric: "val_loss", title: "Val loss", format: loss },
  { metric: "val_acc", title: "Val acc., %", format: percent },
  { metric: "test_loss", title: "Test loss", format: loss },
  { metric: "test_acc", title: "Test acc., %", format: percent },
  { metric: "epoch_seconds", title: "Time", format: duration },
]);

/** @param {string} labelledBy id of what names the table */
function createTable(labelledBy) {
  const heading = (/** @type {string} */ text, /** @type {string|null} */ metric) => element("th", { scope: "col", class: "number", "data-metric": metric, text });
  const titles = [heading("Epoch", null), ...COLUMNS.map(({ title, metric }) => heading(title, metric))];
  const body = element("tbody");
  const node = element("table", { class: "tight", "aria-labelledby": labelledBy }, element("thead", {}, element("tr", {}, ...titles)), body);
  return { node, body };
}

/** A table that changes in place as epochs come and go. @param {string} labelledBy */
function createRows(labelledBy) {
  const { node: table, body } = createTable(labelledBy);
  /** @type {Map<number, {node: any, cells: any[]}>} */ const rows = new Map();

  const createRow = (/** @type {number} */ epoch) => {
    const cells = COLUMNS.map(({ metric }) => element("td", { class: metric === "test_acc" ? "number strong" : "number", "data-metric": metric }));
    const node = element("tr", { "data-epoch": epoch }, element("th", { scope: "row", class: "number", text: epoch }), ...cells);
    const last = body.lastElementChild;
    const follows = !last || Number(last.dataset.epoch) < epoch;
    body.insertBefore(node, follows ? null : [...body.children].find((row) => Number(row.dataset.epoch) > epoch));
    return { node, cells };
  };

  /** @param {SeriesByMetric} series @returns {number} how many epochs there are */
  const show = (series) => {
    // Most runs keep no images back: then there is nothing to say of them.
    table.classList.toggle("validated", Boolean(series.val_loss?.epochs.length));
    const wanted = epochRows(series, COLUMNS.map(({ metric }) => metric));
    const epochs = new Set(wanted.map(({ epoch }) => epoch));
    for (const [epoch, { node }] of rows) {
      if (epochs.has(epoch)) continue;
      node.remove();
      rows.delete(epoch);
    }
    for (const { epoch, values } of wanted) {
      const row = rows.get(epoch) ?? createRow(epoch);
      rows.set(epoch, row);
      values.forEach((value, index) => {
        const text = typeof value === "string" ? (NOT_FINITE[value] ?? value) : COLUMNS[index].format(value);
        setText(row.cells[index], text);
      });
    }
    return wanted.length;
  };
  return { table, body, show };
}

/** The table of the run itself: it follows its end while the run trains. */
export function createEpochsTable() {
  const { table, body, show } = createRows("epochs-title");
  body.id = "epochs";
  byId("epochs-scroll").prepend(table);
  const { follow } = createFollower(byId("epochs-scroll"));
  return {
    /** @param {SeriesByMetric} series */
    show(series) {
      byId("epochs-empty").hidden = show(series) > 0;
      follow();
    },
  };
}

/** A table of epochs that will not change. @param {SeriesByMetric} series @param {string} labelledBy */
export function epochsTable(series, labelledBy) {
  const { table, show } = createRows(labelledBy);
  show(series);
  return table;
}

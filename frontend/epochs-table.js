/** The numbers of each epoch as a table: there before any curve is drawn, and beside it afterwards. */

import { byId, element, keepingEnd, setText } from "./dom.js";
import { duration, loss, NOT_FINITE, percent } from "./format.js";
import { epochRows } from "./series-model.js";

const COLUMNS = /** @type {const} */ ([
  ["train_loss", loss],
  ["train_acc", percent],
  ["test_loss", loss],
  ["test_acc", percent],
  ["epoch_seconds", duration],
]);

export function createEpochsTable() {
  const body = byId("epochs");
  /** @type {Map<number, {node: any, cells: any[]}>} */ const rows = new Map();

  const createRow = (/** @type {number} */ epoch) => {
    const cells = COLUMNS.map(([metric]) => element("td", { class: metric === "test_acc" ? "number strong" : "number", "data-metric": metric }));
    const node = element("tr", { "data-epoch": epoch }, element("th", { scope: "row", class: "number", text: epoch }), ...cells);
    const after = [...body.children].find((row) => Number(row.dataset.epoch) > epoch) ?? null;
    body.insertBefore(node, after);
    return { node, cells };
  };

  /** @param {import("./series-model.js").SeriesByMetric} series */
  const show = (series) => {
    const wanted = epochRows(series, COLUMNS.map(([metric]) => metric));
    keepingEnd(byId("epochs-scroll"), () => {
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
          const text = typeof value === "string" ? (NOT_FINITE[value] ?? value) : COLUMNS[index][1](value);
          setText(row.cells[index], text);
        });
      }
    });
    byId("epochs-empty").hidden = wanted.length > 0;
  };
  return { show };
}

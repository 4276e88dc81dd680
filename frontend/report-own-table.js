/** The table of a person's own report: a recipe a row, what was measured over seeds, and the reference it is held against. */

import { createList, element, setAttribute, setText } from "./dom.js";
import { MISSING } from "./format.js";
import { differenceText, MARKS, protocolText, shown } from "./report-model.js";
import { rowRemark, rowTitle, valueText } from "./report-own-model.js";
import { scrolling } from "./report-parts.js";
import { createSeedButton } from "./report-seeds.js";

/** @typedef {import("./report-own-model.js").OwnRow} OwnRow */

const MEASURED = /** @type {const} */ ([["test_acc", "Test acc., %"], ["train_acc", "Train acc., %"], ["train_loss", "Train loss"]]);

/** @param {{stale: Set<number>, onAdded: (runs: number[]) => void}} place */
export function createOwnTable(place) {
  const body = element("tbody");
  const titles = ["Recipe", "n", ...MEASURED.map(([, title]) => title), "Published", "Δ", "Verdict"];
  const head = element("tr", {}, ...titles.map((text, column) => element("th", { scope: "col", class: column && column < 7 ? "number" : null, text, title: text === "n" ? "Seeds that count" : text === "Δ" ? "Measured less published test accuracy, in points" : null })));
  const node = scrolling(element("table", { class: "tight own" }, element("thead", {}, head), body), "Rows of this report");
  const rows = createList(body, (/** @type {OwnRow} */ { recipe }, index) => `${recipe} ${index}`, () => createRow(place));
  return { node, update: rows };
}

/** @param {{stale: Set<number>, onAdded: (runs: number[]) => void}} place */
function createRow({ stale, onAdded }) {
  const title = element("b");
  const runs = element("span", { class: "muted small members" });
  const remark = element("span", { class: "small remark" });
  const add = createSeedButton({ onAdded }, false);
  const n = element("td", { class: "number" });
  const values = MEASURED.map(([metric]) => element("td", { class: metric === "test_acc" ? "number strong" : "number", "data-measured": metric }));
  const published = element("td", { class: "number published" });
  const delta = element("td", { class: "number" });
  const verdict = element("span");
  const why = element("span", { class: "small muted" });
  const node = element("tr", {}, element("th", { scope: "row", class: "own-title" }, title, runs, remark, add.node), n, ...values, published, delta, element("td", { class: "own-verdict" }, verdict, why));
  const update = (/** @type {OwnRow} */ row) => {
    setText(title, rowTitle(row));
    const key = row.members.map(({ id, counted }) => `${id}${counted}`).join();
    if (runs.dataset.key !== key) {
      runs.dataset.key = key;
      runs.replaceChildren(...row.members.flatMap(({ id, counted, seed, state }, index) => [index ? ", " : "", element("a", { href: `/runs/${id}`, text: `run ${id}`, title: `seed ${seed}, ${state}${counted ? "" : ", does not count"}` })]));
    }
    setText(remark, rowRemark(row));
    add.update(row.add ? [row.add] : []);
    setText(n, String(row.n));
    MEASURED.forEach(([metric], index) => setText(values[index], valueText(metric, row.cells[metric])));
    showHeld(row);
    setAttribute(node, "data-stale", row.members.some(({ id }) => stale.has(id)) ? "" : null);
  };
  const showHeld = (/** @type {OwnRow} */ { held }) => {
    const judged = held?.judged.test_acc ?? null;
    setText(published, judged ? shown("test_acc", judged.published) : held ? MISSING : "");
    setText(delta, judged ? differenceText("test_acc", judged.delta) : "");
    setText(verdict, judged ? `${MARKS[judged.outcome]} ${judged.outcome}`.trim() : "");
    setAttribute(verdict, "data-outcome", judged?.outcome ?? null);
    setText(why, judged && held ? `${held.title}: ${held.protocol.length ? protocolText(held.protocol) : judged.text}` : "");
  };
  return { node, update };
}

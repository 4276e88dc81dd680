/** Which classes were taken for which: a table with a tint by share, of the last epoch or the best one. */

import { get } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId, element, setText } from "./dom.js";
import { count, MISSING, percent } from "./format.js";
import { asMatrix, cellOf, hasCollapsed, predictionsText, worstClasses } from "./confusion-model.js";

/** @typedef {import("./confusion-model.js").Predictions} Predictions */

const REFRESH_MS = 2000; // a table of a hundred numbers need not follow short epochs one by one

/** @param {number} run */
export function createConfusion(run) {
  let which = "last";
  let shown = "";
  let there = false;
  /** Which load is the newest: an answer that another one overtook is not shown. */
  let asked = 0;
  const buttons = [...byId("which").children];

  const load = async () => {
    const mine = ++asked;
    try {
      const found = await get(`/api/runs/${run}/predictions?which=${which}`);
      if (mine === asked && there) show(found);
    } catch (problem) {
      if (problem.status === 0 || problem.status >= 500) throw problem;
      if (mine === asked) byId("predictions").hidden = true; // there are none yet
    }
  };
  const loadSoon = createCoalescer(load, REFRESH_MS);

  /** @param {Predictions} found */
  const show = (found) => {
    byId("predictions").hidden = false;
    setText(byId("predictions-text"), predictionsText(found));
    byId("collapsed").hidden = !hasCollapsed(found);
    const key = JSON.stringify(found);
    if (key === shown) return;
    shown = key;
    byId("confusion").replaceChildren(asMatrix(found) ? matrix(found) : worst(found));
  };

  for (const button of buttons)
    button.addEventListener("click", () => {
      which = button.dataset.which;
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
      load().catch((problem) => setText(byId("predictions-text"), problem.message));
    });

  /** Show what is predicted now; `some`: whether an epoch is done, for before that there is nothing to ask for. */
  const follow = (/** @type {boolean} */ some) => {
    there = some;
    if (some) loadSoon();
    else byId("predictions").hidden = true;
  };
  return { follow };
}

/** @param {Predictions} predictions */
function matrix({ classes, confusion, per_class_accuracy: accuracies }) {
  const names = classes.map((name) => element("th", { scope: "col", class: "number", text: name }));
  const head = element("tr", {}, element("th", { scope: "col", text: "True class" }), ...names, element("th", { scope: "col", class: "number pair", text: "Right, %" }));
  const rows = classes.map((name, row) => {
    const cells = classes.map((predicted, column) => {
      const { number, share, tint } = cellOf(confusion[row], column);
      const title = share === null ? null : `${name} taken for ${predicted}: ${percent(share)}%`;
      return element("td", { class: `number tint-${tint}${row === column ? " right" : ""}`, title, text: count(number) });
    });
    const right = accuracies[row] === null ? MISSING : percent(accuracies[row]);
    return element("tr", {}, element("th", { scope: "row", text: name }), ...cells, element("td", { class: "number strong pair", text: right }));
  });
  return element("table", { class: "tight confusion", "aria-label": "Confusion matrix: true classes down, predicted classes across" }, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** @param {Predictions} predictions */
function worst(predictions) {
  const head = element("tr", {}, ...["Class", "Right, %", "Test images", "Most often taken for"].map((text, index) => element("th", { scope: "col", class: index === 1 || index === 2 ? "number" : null, text })));
  const rows = worstClasses(predictions).map(({ name, accuracy, images, mistakenFor }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", text: name }),
      element("td", { class: "number strong", text: percent(accuracy) }),
      element("td", { class: "number", text: count(images) }),
      element("td", { text: mistakenFor || MISSING }),
    ),
  );
  const caption = element("caption", { text: `The ${rows.length} classes of ${predictions.classes.length} that do worst` });
  return element("table", { class: "tight" }, caption, element("thead", {}, head), element("tbody", {}, ...rows));
}

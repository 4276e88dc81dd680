/** Which classes were taken for which, and how many of each are right: a table with a tint by share. */

import { byId, element, setText } from "./dom.js";
import { count, MISSING, percent } from "./format.js";
import { asMatrix, cellOf, hasCollapsed, predictionsText, worstClasses } from "./confusion-model.js";

/** @typedef {import("./confusion-model.js").Predictions} Predictions */

export function createConfusion() {
  let shown = "";
  const worst = createWorst();

  /** @param {Predictions} found */
  const show = (found) => {
    setText(byId("predictions-text"), predictionsText(found));
    byId("collapsed").hidden = !hasCollapsed(found);
    byId("confusion").parentElement.hidden = false;
    const key = JSON.stringify(found);
    if (key === shown) return;
    shown = key;
    if (asMatrix(found)) return byId("confusion").replaceChildren(matrix(found));
    worst.show(found);
    if (!worst.node.isConnected) byId("confusion").replaceChildren(worst.node);
  };

  /** There is nothing to show; `text` says why. @param {string} text */
  const hide = (text) => {
    setText(byId("predictions-text"), text);
    byId("collapsed").hidden = byId("confusion").parentElement.hidden = true;
  };
  return { show, hide };
}

/** @param {Predictions} predictions */
function matrix({ classes, confusion, per_class_accuracy: accuracies }) {
  const names = classes.map((name) => element("th", { scope: "col", class: "number", text: name }));
  const head = element("tr", {}, element("th", { scope: "col", text: "True class" }), rightHead(), ...names);
  const rows = classes.map((name, row) => {
    const cells = classes.map((predicted, column) => {
      const { number, share, tint } = cellOf(confusion[row], column);
      const title = share === null ? null : `${name} taken for ${predicted}: ${percent(share)}%`;
      return element("td", { class: `number tint-${tint}${row === column ? " right" : ""}`, title, text: count(number) });
    });
    return element("tr", {}, element("th", { scope: "row", text: name }), right(accuracies[row]), ...cells);
  });
  return element("table", { class: "tight confusion", "aria-label": "Confusion matrix: true classes down, predicted classes across" }, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** The table of classes; made once, so that a press of its button outlives the next epoch. */
function createWorst() {
  /** @type {Predictions|null} */ let predictions = null;
  let whole = false;
  const words = element("span");
  const more = element("button", { class: "link", type: "button" });
  const body = element("tbody");
  const head = ["Class", "", "Test images", "Most often taken for"].map((text, index) => (index === 1 ? rightHead() : element("th", { scope: "col", class: index === 2 ? "number" : null, text })));
  const node = element("table", { class: "tight classes", "aria-label": "Classes, the one that does worst first" });
  node.append(element("caption", {}, words, " ", more), element("thead", {}, element("tr", {}, ...head)), body);

  const fill = () => {
    if (!predictions) return;
    const all = count(predictions.classes.length);
    const rows = worstClasses(predictions, whole ? predictions.classes.length : undefined).map(classRow);
    setText(words, `The ${count(rows.length)} classes of ${all} that do worst.`);
    setText(more, whole ? "Show fewer" : `Show all ${all}`);
    more.setAttribute("aria-expanded", String(whole));
    body.replaceChildren(...rows);
  };
  more.addEventListener("click", () => {
    whole = !whole;
    fill();
  });
  /** @param {Predictions} found */
  const show = (found) => {
    predictions = found;
    fill();
  };
  return { node, show };
}

/** @param {{name: string, accuracy: number|null, images: number, mistakenFor: string}} row */
const classRow = ({ name, accuracy, images, mistakenFor }) =>
  element("tr", {}, element("th", { scope: "row", text: name }), right(accuracy), element("td", { class: "number", text: count(images) }), element("td", { text: mistakenFor || MISSING }));

const rightHead = () => element("th", { scope: "col", class: "number pair", text: "Right, %" });

/** The share of a class that is right, as a number and a bar. @param {number|null} accuracy */
function right(accuracy) {
  const bar = element("i", { class: "bar", "aria-hidden": "true" }, element("i"));
  bar.firstElementChild.style.transform = `scaleX(${(accuracy ?? 0).toFixed(4)})`;
  return element("td", { class: "number strong pair" }, element("span", { class: "rate" }, bar, element("span", { text: accuracy === null ? MISSING : percent(accuracy) })));
}

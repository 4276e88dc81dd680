/** The table of results: each recipe with its accuracy and how sure that is, its losses, its best epoch and its time. */

import { cloneAddress, seedsAddress } from "./links.js";
import { paint, swatch } from "./compare-series.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";
import { count, counted, duration, loss, MISSING, NOT_FINITE, percent } from "./format.js";
import { accuracyText } from "./runs-accuracy.js";
import { isTraining } from "./run-states.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {import("./compare-model.js").Item} Item */
/** @typedef {import("./compare-model.js").ComparedRun} ComparedRun */
/** @typedef {{item: Item, runs: ComparedRun[], colour: number, verdict: Answer["verdict"]}} Row */

/** @param {{onRemove: (recipe: string) => void}} options */
export function createResults({ onRemove }) {
  const list = createList(byId("results"), ({ item }) => item.recipe, (row) => createRow(row, onRemove));
  /** @param {Answer} answer @param {(recipe: string) => number} colourOf */
  return ({ items, runs, verdict }, colourOf) =>
    list(items.map((item) => ({ item, runs: runs.filter(({ recipe }) => recipe === item.recipe), colour: colourOf(item.recipe), verdict })));
}

/** @param {Row} row @param {(recipe: string) => void} onRemove */
function createRow({ item: { recipe } }, onRemove) {
  const mark = swatch(0);
  const label = element("span", { class: "label" });
  const highest = element("span", { class: "chip highest", text: "highest", hidden: true });
  const name = element("div", { class: "recipe" });
  const runs = element("div", { class: "recipe members" });
  const cells = {
    accuracy: cell("Accuracy, %", "number strong"),
    test: cell("Test loss", "number"),
    train: cell("Training loss", "number"),
    best: cell("Best, %", "number"),
    epochs: cell("Epochs", "number"),
    time: cell("Time", "number"),
  };
  const clone = element("a", { class: "quiet", text: "Clone" });
  const seeds = element("a", { class: "quiet", text: "More seeds" });
  const remove = element("button", { class: "quiet", type: "button", text: "Remove", onclick: () => onRemove(recipe) });
  const node = element(
    "tr",
    { role: "row", "data-recipe": recipe },
    element("th", { scope: "row", role: "rowheader", class: "who" }, element("div", { class: "title" }, mark, element("span", {}, label, highest)), name, runs),
    ...Object.values(cells).map((one) => one.node),
    element("td", { role: "cell", class: "ways" }, element("div", {}, clone, seeds, remove)),
  );

  const update = (/** @type {Row} */ { item, runs: members, colour, verdict }) => {
    const isBest = verdict.best === item.recipe;
    const accuracy = accuracyText(item.accuracy);
    const over = item.so_far && item.final.test_acc.value !== null ? "so far" : "";
    paint(mark, colour);
    setText(label, item.label);
    setText(name, item.name === item.label ? "" : item.name);
    showMembers(runs, members);
    highest.hidden = !isBest;
    // Coloured only where the difference lies outside the intervals.
    highest.classList.toggle("good", isBest && verdict.separated === true);
    cells.accuracy.show(accuracy.value || lastPercent(item), accuracy.extra || over, accuracy.title);
    cells.accuracy.node.classList.toggle("so-far", !accuracy.value);
    cells.test.show(lastLoss(item, "test_loss"), over);
    cells.train.show(lastLoss(item, "train_loss"), over);
    cells.best.show(item.best ? percent(item.best.value) : MISSING, item.best ? `epoch ${item.best.epoch}${members.length > 1 ? `, run ${item.best.run}` : ""}` : "");
    cells.epochs.show(epochsText(members, item));
    cells.time.show(item.seconds === null ? MISSING : duration(item.seconds), members.length > 1 && item.seconds !== null ? "mean" : "");
    setAttribute(clone, "href", cloneAddress(item.clone));
    setAttribute(seeds, "href", seedsAddress(item.clone, item.next_seeds));
    for (const [link, what] of [[clone, "Clone"], [seeds, "Launch more seeds of"], [remove, "Remove"]]) link.setAttribute("aria-label", `${what} ${item.label}`);
  };
  return { node, update };
}

/** "seed 0, seed 1 (running)", each a link to its run. @param {HTMLElement} place @param {ComparedRun[]} members */
function showMembers(place, members) {
  const key = JSON.stringify(members.map(({ id, state }) => [id, state]));
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  const parts = members.flatMap(({ id, seed, state }, index) => [
    index ? ", " : "",
    element("a", { href: `/runs/${id}`, text: `seed ${seed}`, title: `Run ${id}` }),
    state === "completed" ? "" : ` (${state})`,
  ]);
  place.replaceChildren(...parts);
}

/** @param {ComparedRun[]} members @param {Item} item */
function epochsText(members, item) {
  const furthest = Math.max(...members.map(({ epoch }) => epoch));
  return furthest >= item.epochs ? count(item.epochs) : `${count(furthest)} of ${count(item.epochs)}`;
}

/** @param {Item} item */
function lastPercent({ final }) {
  const { value, nonfinite } = final.test_acc;
  return nonfinite ? NOT_FINITE[nonfinite] : value === null ? MISSING : percent(value);
}

/** @param {Item} item @param {string} metric */
function lastLoss({ final }, metric) {
  const { value, nonfinite } = final[metric];
  return nonfinite ? NOT_FINITE[nonfinite] : loss(value);
}

/** A cell that says on a phone what its column is. @param {string} title @param {string} classes */
function cell(title, classes) {
  const value = element("span");
  const extra = element("div", { class: "aside" });
  const node = element("td", { role: "cell", class: classes, "data-title": title }, element("div", {}, value, extra));
  const show = (/** @type {string} */ text, /** @type {string} */ small = "", /** @type {string} */ hint = "") => {
    setText(value, text);
    setText(extra, small);
    node.title = hint;
  };
  return { node, show };
}

/** @param {ComparedRun[]} runs @param {Item[]} items */
export const overview = (items, runs) => {
  const active = runs.filter(isTraining).length;
  const waiting = runs.filter(({ state }) => state === "queued" || state === "waiting").length;
  return [`${counted(items.length, "recipe")}, ${counted(runs.length, "run")}`, active && `${active} running`, waiting && `${waiting} queued`].filter(Boolean).join(" · ");
};

/** The table of results: each recipe with its accuracy and how sure that is, its cost, and behind a button its runs. */

import { accuracyCell, bestCell, energyCell, epochsCell, gpuCell, membersText, numberText, OPTIONAL, runCells, targetCell } from "./compare-results-model.js";
import { paint, swatch } from "./compare-series.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";
import { counted, duration, loss, MISSING, percent } from "./format.js";
import { cloneAddress, seedsAddress } from "./links.js";
import { isTraining } from "./run-states.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {import("./compare-model.js").Item} Item */
/** @typedef {import("./compare-model.js").ComparedRun} ComparedRun */
/** @typedef {{key: string, item: Item, runs: ComparedRun[], colour: number, verdict: Answer["verdict"], isOpen: boolean, run: ComparedRun|null}} Row
 *    run: of a row that stands for one run of the recipe */

const COLUMNS = /** @type {const} */ ([
  ["accuracy", "Accuracy, %", "number strong"],
  ["test", "Test loss", "number"],
  ["train", "Training loss", "number"],
  ["best", "Best, %", "number"],
  ["epochs", "Epochs", "number"],
  ["time", "Time", "number"],
  ["target", "Time to target", "number optional-target"],
  ["gpu", "Points per GPU-hour", "number optional-gpu"],
  ["energy", "Points per Wh", "number optional-energy"],
]);

/** @param {{onRemove: (recipe: string) => void, onOpen: (recipe: string) => void}} options */
export function createResults(options) {
  const body = byId("results");
  const list = createList(body, ({ key }) => key, (row) => (row.run ? createRunRow() : createRow(row, options)));
  /** @param {Answer} answer @param {(recipe: string) => number} colourOf @param {Set<string>} open */
  return (answer, colourOf, open) => {
    const { items, runs, verdict, target } = answer;
    for (const { name, has } of OPTIONAL) body.parentElement.classList.toggle(`has-${name}`, has(answer));
    setText(byId("target-head"), target === null ? "Time to target" : `Time to ${percent(target)}%`);
    const byRecipe = Map.groupBy(runs, ({ recipe }) => recipe);
    list(
      items.flatMap((item) => {
        const members = byRecipe.get(item.recipe) ?? [];
        const row = { key: item.recipe, item, runs: members, colour: colourOf(item.recipe), verdict, isOpen: open.has(item.recipe), run: null };
        return [row, ...(row.isOpen ? members.map((run) => ({ ...row, key: `${item.recipe} ${run.id}`, run })) : [])];
      }),
    );
  };
}

/** @param {Row} row @param {{onRemove: (recipe: string) => void, onOpen: (recipe: string) => void}} options */
function createRow({ item: { recipe } }, { onRemove, onOpen }) {
  const mark = swatch(0);
  const label = element("span", { class: "label" });
  const highest = element("span", { class: "chip highest", text: "highest", hidden: true });
  const name = element("div", { class: "recipe" });
  const runs = element("div", { class: "recipe members" });
  const open = element("button", { class: "link runs-open", type: "button", onclick: () => onOpen(recipe) });
  const cells = cellsOf();
  const clone = element("a", { class: "quiet", text: "Clone" });
  const seeds = element("a", { class: "quiet", text: "More seeds" });
  const remove = element("button", { class: "quiet", type: "button", text: "Remove", onclick: () => onRemove(recipe) });
  const node = element(
    "tr",
    { role: "row", "data-recipe": recipe },
    element("th", { scope: "row", role: "rowheader", class: "who" }, element("div", { class: "title" }, mark, element("span", {}, label, highest)), name, runs, element("div", { class: "recipe" }, open)),
    ...Object.values(cells).map((one) => one.node),
    element("td", { role: "cell", class: "ways" }, element("div", {}, clone, seeds, remove)),
  );

  const update = (/** @type {Row} */ { item, runs: members, colour, verdict, isOpen }) => {
    const isBest = verdict.best === item.recipe;
    const over = item.so_far && item.final.test_acc.value !== null ? "so far" : "";
    paint(mark, colour);
    setText(label, item.label);
    setText(name, item.name === item.label ? "" : item.name);
    showMembers(runs, members);
    setText(open, isOpen ? "Hide the runs" : membersText(members));
    setAttribute(open, "aria-expanded", String(isOpen));
    highest.hidden = !isBest;
    // Coloured only where the difference lies outside the intervals.
    highest.classList.toggle("good", isBest && verdict.separated === true);
    cells.accuracy.show(accuracyCell(item));
    cells.accuracy.node.classList.toggle("so-far", item.accuracy.mean === null);
    cells.test.show({ text: numberText(item.final.test_loss, loss), small: over });
    cells.train.show({ text: numberText(item.final.train_loss, loss), small: over });
    cells.best.show(bestCell(item, members));
    cells.epochs.show(epochsCell(members, item));
    cells.time.show({ text: item.seconds === null ? MISSING : duration(item.seconds), small: members.length > 1 && item.seconds !== null ? "mean" : "" });
    cells.target.show(targetCell(item));
    cells.gpu.show(gpuCell(item));
    cells.energy.show(energyCell(item));
    setAttribute(clone, "href", cloneAddress(item.clone));
    setAttribute(seeds, "href", seedsAddress(item.clone, item.next_seeds));
    for (const [link, what] of [[clone, "Clone"], [seeds, "Launch more seeds of"], [remove, "Remove"]]) setAttribute(link, "aria-label", `${what} ${item.label}`);
    setAttribute(open, "aria-label", `${isOpen ? "Hide" : "Show"} the runs of ${item.label}`);
  };
  return { node, update };
}

/** A row below its recipe's. */
function createRunRow() {
  const link = element("a");
  const words = element("span", { class: "muted" });
  const mark = swatch(0);
  const cells = cellsOf();
  const node = element(
    "tr",
    { role: "row", class: "of-run" },
    element("th", { scope: "row", role: "rowheader", class: "who" }, element("div", { class: "title" }, mark, element("span", {}, link, words))),
    ...Object.values(cells).map((one) => one.node),
    element("td", { role: "cell" }),
  );
  const update = (/** @type {Row} */ { run, colour }) => {
    if (!run) return;
    paint(mark, colour);
    setAttribute(node, "data-run", String(run.id));
    setAttribute(link, "href", `/runs/${run.id}`);
    setText(link, `Run ${run.id}, seed ${run.seed}`);
    setText(words, run.counted ? "" : ` ${run.state === "completed" ? "not counted" : run.state}`);
    for (const [name, told] of Object.entries(runCells(run))) cells[name].show(told);
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

/** @returns {Object<string, ReturnType<typeof cell>>} */
const cellsOf = () => Object.fromEntries(COLUMNS.map(([name, title, classes]) => [name, cell(title, classes)]));

/** A cell that says on a phone what its column is. @param {string} title @param {string} classes */
function cell(title, classes) {
  const value = element("span");
  const extra = element("div", { class: "aside" });
  const node = element("td", { role: "cell", class: classes, "data-title": title }, element("div", {}, value, extra));
  const show = (/** @type {import("./compare-results-model.js").Cell} */ { text, small = "", hint = "" }) => {
    setText(value, text);
    setText(extra, small);
    setAttribute(node, "title", hint || null);
  };
  return { node, show };
}

/** @param {ComparedRun[]} runs @param {Item[]} items */
export const overview = (items, runs) => {
  const active = runs.filter(isTraining).length;
  const waiting = runs.filter(({ state }) => state === "queued" || state === "waiting").length;
  return [`${counted(items.length, "recipe")}, ${counted(runs.length, "run")}`, active && `${active} running`, waiting && `${waiting} queued`].filter(Boolean).join(" · ");
};

/** The rows of the table of recipes: a body of rows for each, its first row the recipe, then its runs where it is open.
 *
 *  A recipe with one run needs no opening: its row is that run.
 */

import { cell, createList, element, setAttribute, setText, showProgress } from "./dom.js";
import { count, counted } from "./format.js";
import { comparable } from "./members.js";
import { accuracyShown, bestShown, bySeed, drawn, lineOf, progressOf, standingOf, timeOf } from "./runs-recipes-model.js";
import { createRowParts } from "./runs-row.js";
import { createRow } from "./runs-table.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./runs-recipes-model.js").Shown} Shown */
/** @typedef {import("./runs-row.js").RowOptions & {now: () => number, onOpen: (recipe: string, open: boolean) => void}} Options */
/** @typedef {{key: string, run: Run|null, shown: Shown, open: boolean}} Line run: null for the recipe itself and for what follows its runs */

/** @param {Shown} shown @param {Options} options */
export function createRecipeBody(shown, options) {
  const node = element("tbody", { role: "rowgroup", "data-recipe": shown.recipe.recipe });
  const main = createMainRow(shown.recipe.recipe, options);
  const more = createMoreRow(shown.recipe.recipe);
  const list = createList(node, (/** @type {Line} */ { key }) => key, ({ key, run }) => {
    if (key === "recipe") return main;
    if (!run) return more;
    const row = createRow(run, { ...options, asSeed: true });
    return { node: row.node, update: ({ run: changed }) => changed && row.update(changed, options.now()) };
  });

  const update = (/** @type {Shown} */ changed, /** @type {boolean} */ open) => {
    const isOpen = open && changed.recipe.total > 1;
    const line = (/** @type {string} */ key, /** @type {Run|null} */ run = null) => ({ key, run, shown: changed, open: isOpen });
    const runs = isOpen ? bySeed(changed.runs).map((run) => line(`run ${run.id}`, run)) : [];
    const rest = isOpen && changed.runs.length < changed.recipe.total ? [line("more")] : [];
    list([line("recipe"), ...runs, ...rest]);
  };
  return { node, update };
}

/** @param {string} recipe @param {Options} options */
function createMainRow(recipe, { now, onOpen, ...options }) {
  const link = element("a");
  let open = false;
  const label = element("span");
  const expander = element("button", { type: "button", class: "expander", onclick: () => onOpen(recipe, !open) }, label);
  const number = element("span");
  const aside = element("span", { class: "aside" }, number, element("i", { class: "chevron", "aria-hidden": "true" }));
  const doing = element("div", { class: "aside doing" });
  const { node, select, size, mark, line, state, bar, last, best, spark, time, cancel, showSeconds } = createRowParts(
    {},
    [expander, link, aside],
    [doing],
    options,
  );

  /** Who the row is: the run itself where there is one, else the recipe. @param {Shown} shown */
  const showTitle = ({ recipe: { name, total, size: which }, runs: [newest] }) => {
    const single = total === 1;
    setAttribute(node, "data-run", single ? String(newest.id) : null);
    link.hidden = !single;
    expander.hidden = single;
    setAttribute(link, "href", `/runs/${newest.id}`);
    for (const text of [link, label]) setText(text, name);
    link.title = expander.title = name;
    setAttribute(expander, "aria-expanded", String(open));
    setText(number, single ? `#${newest.id}` : counted(total, "run"));
    size.hidden = which !== "quick";
  };

  const showTime = (/** @type {Shown} */ shown) => {
    const seconds = timeOf(shown, now());
    showSeconds(seconds);
    time.title = shown.recipe.total > 1 && seconds !== null ? "Mean of the completed runs, or so far" : "";
  };

  const update = (/** @type {Line} */ { shown, open: isOpen }) => {
    open = isOpen;
    const { recipe: about, runs } = shown;
    const standing = standingOf(shown, now());
    const progress = progressOf(shown, now());
    const accuracy = accuracyShown(shown);
    const top = bestShown(shown);
    const single = about.total === 1;
    node.dataset.state = standing.state;
    showTitle(shown);
    select.update(single ? [runs[0].id] : comparable(runs), single ? `${about.name}, run ${runs[0].id}` : `${about.name}, ${counted(about.total, "run")}`);
    mark.update(runs);
    setText(line, lineOf(shown));
    line.title = line.textContent ?? "";
    state.show(standing.state, standing.text, standing.detail);
    setText(doing, single ? "" : (progress?.text ?? ""));
    showProgress(bar, progress?.fraction ?? null, progress?.text ?? "");
    last.show(accuracy.value, accuracy.extra, accuracy.title);
    last.node.classList.toggle("so-far", accuracy.soFar);
    best.show(top.value, top.extra);
    spark.draw(drawn(shown).curve, drawn(shown).spec.epochs);
    cancel.node.hidden = !single;
    if (single) cancel.update(runs[0]);
    showTime(shown);
  };
  return { node, update };
}

/** @param {string} recipe */
function createMoreRow(recipe) {
  const text = element("a", { href: `/?by=runs&q=${recipe}` });
  const node = element("tr", { role: "row", class: "seed" }, cell("select-cell"), element("td", { role: "cell", class: "run-cell", colspan: 7 }, text));
  const update = (/** @type {Line} */ { shown }) => setText(text, `${count(shown.recipe.total - shown.runs.length)} older runs of this recipe`);
  return { node, update };
}

/** The queue as a table: each run with its place, its priority, why it waits, and what can be done about it. */

import { createCancel } from "./cancel.js";
import { cell, element, setAttribute, setText, stateLabel } from "./dom.js";
import { recipeLine } from "./format.js";
import { createDrag } from "./workers-drag.js";
import { startText } from "./workers-model.js";
import { createPriority } from "./workers-priority.js";
import { createRows } from "./workers-rows.js";

/** @typedef {import("./workers-model.js").Entry} Entry
 *  @typedef {"first"|"up"|"down"|"last"} Step */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Object<Step, {title: string, path: string}>} */
const STEPS = {
  first: { title: "to the front", path: "M3 3h10M8 13V6M4.5 9.5 8 6l3.5 3.5" },
  up: { title: "up", path: "M8 13V4M4.5 7.5 8 4l3.5 3.5" },
  down: { title: "down", path: "M8 3v9M4.5 8.5 8 12l3.5-3.5" },
  last: { title: "to the end", path: "M3 13h10M8 3v7M4.5 6.5 8 10l3.5-3.5" },
};

/** @param {HTMLElement} body the tbody
 *  @param {{now: () => number, onStep: (run: number, step: Step) => void, onDrop: (run: number, before: number|null) => void,
 *    onPriority: (run: number, priority: number) => Promise<boolean>, onCancelled: (run: number) => void,
 *    onError: (message: string) => void, onDragEnd: () => void}} options onDrop's `before` is null for the end of what is shown */
export function createQueueTable(body, options) {
  let length = 0;
  const show = createRows(body, (entry) => entry.run, (/** @type {Entry} */ entry) => createRow(entry.run, options, () => length));
  const numberOf = (/** @type {HTMLElement} */ row) => Number(row.dataset.run);
  const drag = createDrag(body, {
    onDrop: (row, next) => options.onDrop(numberOf(row), next && numberOf(next)),
    onEnd: options.onDragEnd,
  });
  return {
    isDragging: drag.isDragging,
    /** @param {Entry[]} entries @param {number} total of the whole queue */
    show(entries, total) {
      length = total;
      show(entries);
    },
  };
}

/** @param {number} run @param {Parameters<typeof createQueueTable>[1]} options @param {() => number} length of the queue */
function createRow(run, { now, onStep, onPriority, onCancelled, onError }, length) {
  const handle = element("span", { class: "handle", "data-handle": "", title: "Drag to move", "aria-hidden": "true" }, icon("M6 4h.01M10 4h.01M6 8h.01M10 8h.01M6 12h.01M10 12h.01"));
  const position = element("span", { class: "position" });
  const link = element("a", { href: `/runs/${run}` });
  const recipe = element("span");
  const seedNote = element("span", { class: "seed-note" }); // on a phone, where the seed has no column
  const seed = cell("number muted seed-cell");
  const priority = createPriority({ onChange: (value) => onPriority(run, value), onError });
  const why = stateLabel();
  const start = cell("number start-cell");
  const steps = Object.entries(STEPS).map(([step, { path }]) => {
    const button = element("button", { class: "step", type: "button", "data-step": step }, icon(path));
    button.addEventListener("click", () => onStep(run, /** @type {Step} */ (step)));
    return button;
  });
  const cancel = createCancel({ onChanged: () => onCancelled(run), onError });
  const node = element(
    "tr",
    { role: "row", "data-run": run },
    cell("position-cell", element("span", { class: "place" }, handle, position)),
    cell("run-cell", element("div", { class: "name" }, link, element("span", { class: "aside", text: `#${run}` })), element("div", { class: "recipe" }, recipe, seedNote)),
    seed,
    cell("priority-cell", element("span", { class: "small-label", "aria-hidden": "true", text: "Priority" }), priority.node),
    cell("why-cell", why.node),
    start,
    cell("move-cell", element("span", { class: "steps", role: "group", "aria-label": `Move run ${run}` }, ...steps)),
    cell("action-cell", cancel.node),
  );

  const update = (/** @type {Entry} */ entry) => {
    node.dataset.state = entry.state;
    setText(position, String(entry.position));
    setText(link, entry.name || `Run ${run}`);
    setAttribute(link, "title", entry.name);
    setText(recipe, lineWithoutSeed(entry));
    setText(seed, String(entry.seed));
    setAttribute(seed, "title", `Seed ${entry.seed}`);
    setText(seedNote, ` · seed ${entry.seed}`);
    priority.update(entry.priority, `run ${run}`);
    why.show(entry.state, entry.why);
    setText(start, startText(entry.starts_in_seconds, now()));
    for (const button of steps) showStep(button, run, entry.position, length());
    cancel.update(/** @type {any} */ ({ id: run, name: entry.name || `Run ${run}`, state: entry.state, spec: entry.spec }));
  };
  return { node, update };
}

/** Not `disabled` at an end of the queue: a button that was just pressed would lose the focus.
 *  @param {HTMLElement} button @param {number} run @param {number} position @param {number} length */
function showStep(button, run, position, length) {
  const step = /** @type {Step} */ (button.dataset.step);
  const atEnd = step === "first" || step === "up" ? position === 1 : position === length;
  setAttribute(button, "aria-disabled", atEnd ? "true" : null);
  setAttribute(button, "aria-label", `Move run ${run} ${STEPS[step].title}, it is ${position} of ${length}`);
  setAttribute(button, "title", `Move ${STEPS[step].title}`);
}

/** The seed has a column of its own. @param {Entry} entry */
const lineWithoutSeed = (entry) => recipeLine(/** @type {any} */ (entry)).replace(/ · seed \d+$/, "");

/** @param {string} path */
function icon(path) {
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  const node = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": "1.7", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) {
    node.setAttribute(name, value);
  }
  node.append(drawn);
  return node;
}

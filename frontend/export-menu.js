/** The menu "Export": what is on the screen as files, or on the clipboard. It closes by Escape, and when the focus leaves it. */

import { element, setText } from "./dom.js";

/** @typedef {import("./export-model.js").Group} Group */
/** @typedef {import("./export-model.js").Item} Item */
/** @typedef {{id: string, title: string, drawn: boolean}} Table */

const SAID_MS = 4000;
const ALL = "";

/** @param {{groups: (table: Table|null) => Group[], whole?: () => Group[], tables?: () => Table[],
 *    saveFigure: (format: "svg"|"png", table: Table|null) => Promise<void>}} options
 *    groups: asked at each opening, for what is shown then; tables: those of which one can be chosen; whole: what is had
 *    whichever that is */
export function createExportMenu({ groups, whole = () => [], tables = () => [], saveFigure }) {
  const said = element("p", { class: "export-said", role: "status" });
  const choice = element("select", { "aria-label": "Which table" });
  const chooser = element("label", { class: "export-choice" }, element("span", { class: "export-title", text: "Of it" }), choice);
  const first = element("div");
  const list = element("div");
  const button = element("button", { class: "button", type: "button", text: "Export", "aria-expanded": "false", "aria-haspopup": "true" });
  const panel = element("div", { class: "export-panel", role: "group", "aria-label": "Export", hidden: true }, first, chooser, list, said);
  const node = element("div", { class: "export" }, button, panel);
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;

  const chosen = () => tables().find(({ id }) => id === choice.value) ?? null;

  const say = (/** @type {string} */ text) => {
    clearTimeout(timer);
    setText(said, text);
    timer = setTimeout(() => setText(said, ""), SAID_MS);
  };

  const doing = (/** @type {() => Promise<string>} */ action) => async () => {
    try {
      say(await action());
    } catch (problem) {
      say(problem.message);
    }
  };

  const fill = (/** @type {Element} */ place, /** @type {Group[]} */ shown) => place.replaceChildren(...shown.map(({ title, items }) => createGroup(title, items.map(createItem))));
  const showGroups = () => fill(list, groups(chosen()));

  const createItem = (/** @type {Item} */ { label, href, copy, figure }) => {
    if (href) return element("a", { class: "quiet", href, download: true, text: label });
    const action = copy ? () => copied(copy) : () => saveFigure(/** @type {"svg"|"png"} */ (figure), chosen()).then(() => "Saved");
    return element("button", { class: "quiet", type: "button", text: label, onclick: doing(action) });
  };

  const open = (/** @type {boolean} */ wanted) => {
    panel.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
    if (!wanted) return;
    showTables();
    fill(first, whole());
    showGroups();
  };

  const showTables = () => {
    const there = tables();
    chooser.hidden = !there.length;
    const before = choice.value;
    choice.replaceChildren(element("option", { value: ALL, text: "All tables" }), ...there.map(({ id, title }) => element("option", { value: id, text: id === title ? title : `${id} ${title}` })));
    choice.value = there.some(({ id }) => id === before) ? before : ALL;
  };

  button.addEventListener("click", () => open(panel.hidden));
  choice.addEventListener("change", showGroups);
  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.preventDefault();
    open(false);
    button.focus();
  });
  node.addEventListener("focusout", (/** @type {FocusEvent} */ { relatedTarget }) => {
    if (relatedTarget && !node.contains(/** @type {Node} */ (relatedTarget))) open(false);
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (!panel.hidden && !node.contains(/** @type {Node} */ (target))) open(false);
  });
  return node;
}

/** @param {string} title @param {any[]} items */
function createGroup(title, items) {
  return element("div", { class: "export-group", role: "group", "aria-label": title }, element("span", { class: "export-title", text: title }), element("div", { class: "export-items" }, ...items));
}

/** Put the text at an address on the clipboard. It is fetched within the write: browsers allow that only while a press is answered.
 *  @param {string} address */
async function copied(address) {
  if (!navigator.clipboard) throw new Error("The browser did not allow copying here");
  const text = async () => {
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.error?.message ?? `The server refused this (HTTP ${answer.status}).`);
    return answer.text();
  };
  const told = text();
  try {
    const blob = told.then((one) => new Blob([one], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
  } catch {
    await told; // its own problem says more than the clipboard's
    throw new Error("The browser did not allow copying here");
  }
  return "Copied";
}

/** The form of a person's own report: title, notes with a look at them, rows with what each is held against. */

import { get } from "./api.js";
import { createList, element, setText } from "./dom.js";
import { markdown } from "./report-markdown.js";
import { requestOf, rowTitle, runNumbers } from "./report-own-model.js";

/** @typedef {import("./report-own-model.js").OwnRow} OwnRow */
/** @typedef {{title: string, notes: string, rows: OwnRow[], runs: number[], version: number|null}} Edited */

/** @param {{onSave: (request: any) => Promise<void>, onCancel: () => void}} options */
export function createOwnForm({ onSave, onCancel }) {
  const title = element("input", { required: true, maxlength: 200, autocomplete: "off" });
  const notes = element("textarea", { rows: 10, maxlength: 20000, spellcheck: "true" });
  const preview = element("div", { class: "notes preview", "aria-live": "off" });
  const more = element("input", { autocomplete: "off", placeholder: "12, 14, 15", inputmode: "numeric" });
  const rowList = element("ul", { class: "own-rows" });
  const said = element("p", { class: "note bad", role: "alert", hidden: true });
  const save = element("button", { class: "button primary", type: "submit", text: "Save" });
  const cancel = element("button", { class: "button", type: "button", text: "Cancel" });
  const field = (/** @type {string} */ name, /** @type {any} */ control) => element("label", { class: "choice" }, element("span", { text: name }), control);
  const node = element(
    "form",
    { class: "own-form" },
    field("Title", title),
    element("div", { class: "own-notes" }, field("Notes, in Markdown", notes), element("div", {}, element("span", { class: "muted small", text: "As they will be shown" }), preview)),
    element("div", {}, element("span", { class: "muted small", text: "Rows" }), rowList),
    field("Runs to add, by number: those of one recipe make a row", more),
    said,
    element("div", { class: "own-buttons" }, save, cancel),
  );
  /** @type {Edited} */ let edited = { title: "", notes: "", rows: [], runs: [], version: null };
  /** @type {{name: string, title: string, experiments: string[]}[]} */ let references = [];

  const problem = (/** @type {string} */ text) => {
    setText(said, text);
    said.hidden = !text;
  };
  const rows = createList(rowList, (/** @type {OwnRow} */ { recipe }, index) => `${recipe} ${index}`, () => createFields(() => references, (row) => {
    edited = { ...edited, rows: edited.rows.filter((one) => one !== row) };
    rows(edited.rows);
  }));
  notes.addEventListener("input", () => preview.replaceChildren(...markdown(notes.value)));
  cancel.addEventListener("click", onCancel);
  node.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (save.disabled) return;
    const runs = runNumbers(more.value);
    if (!runs) return problem(`Runs to add: “${more.value.slice(0, 60)}” is no list of run numbers; write them as 12, 14, 15.`);
    save.disabled = true;
    problem("");
    try {
      await onSave(requestOf({ ...edited, title: title.value, notes: notes.value, runs }));
    } catch (refusal) {
      problem(refusal.message);
    } finally {
      save.disabled = false;
    }
  });

  return {
    node,
    /** @param {Edited} first */
    async open(first) {
      edited = { ...first, rows: first.rows.map((row) => ({ ...row })) };
      title.value = first.title;
      notes.value = first.notes;
      more.value = first.runs.join(", ");
      preview.replaceChildren(...markdown(first.notes));
      problem("");
      try {
        references = (await get("/api/references")).references;
      } catch (refusal) {
        problem(refusal.message);
      }
      rows(edited.rows);
      title.focus();
    },
  };
}

/** The fields of a row: what it is called, and what it is held against. They write into the row itself.
 *  @param {() => {name: string, title: string, experiments: string[]}[]} references @param {(row: OwnRow) => void} onRemove */
function createFields(references, onRemove) {
  const name = element("b");
  const label = element("input", { maxlength: 200, autocomplete: "off", placeholder: "as its newest run is called" });
  const held = element("select", { autocomplete: "off" });
  const away = element("button", { class: "quiet danger", type: "button", text: "Take out" });
  const choice = (/** @type {string} */ text, /** @type {any} */ control) => element("label", { class: "choice" }, element("span", { text }), control);
  const node = element("li", {}, name, choice("Label", label), choice("Held against", held), away);
  /** @type {OwnRow|null} */ let row = null;
  label.addEventListener("input", () => row && (row.label = label.value || null));
  held.addEventListener("change", () => {
    if (!row) return;
    const [reference, experiment] = held.value ? JSON.parse(held.value) : [null, null];
    row.reference = reference;
    row.experiment = experiment;
  });
  away.addEventListener("click", () => row && onRemove(row));
  const update = (/** @type {OwnRow} */ shown) => {
    row = shown;
    setText(name, rowTitle({ ...shown, label: null }));
    label.value = shown.label ?? "";
    const groups = references().map(({ name: reference, title, experiments }) =>
      element("optgroup", { label: title }, ...experiments.map((experiment) => element("option", { value: JSON.stringify([reference, experiment]), text: experiment }))));
    held.replaceChildren(element("option", { value: "", text: "nothing" }), ...groups);
    held.value = shown.reference && shown.experiment ? JSON.stringify([shown.reference, shown.experiment]) : "";
    if (held.selectedIndex < 0) held.value = ""; // what it was held against is gone
  };
  return { node, update };
}

/** What the report is held against: the references side by side, the tolerance of each, and a person's own ones. */

import { get, post, remove } from "./api.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";
import { counted } from "./format.js";
import { closable } from "./keys.js";

/** @typedef {import("./report-types.js").ReferenceChoice} ReferenceChoice */
/** @typedef {import("./report-types.js").ShownReference} ShownReference */

/** The format of a file by its name. Pure. @param {string} name */
export const formatOf = (name) => (/\.toml$/i.test(name) ? "toml" : "csv");

/** A name for a reference out of that of its file. Pure. @param {string} file */
export const nameOf = (file) =>
  file.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 100);

/** @param {{onChange: (shown: ShownReference[]) => void, onError: (message: string) => void}} options */
export function createReferenceBar({ onChange, onError }) {
  /** @type {ShownReference[]} */ let shown = [];
  const list = element("ul", { class: "reference-list" });
  const add = element("select", { "aria-label": "Hold it against another reference", autocomplete: "off" });
  const open = element("button", { class: "quiet", type: "button", text: "Your own table…" });
  byId("references").append(element("span", { class: "muted small", text: "Held against" }), list, add, open);

  const items = createList(list, (/** @type {ShownReference} */ { name }) => name, ({ name }) => {
    const title = element("b");
    const points = element("input", { type: "number", min: 0, max: 100, step: "any", inputmode: "decimal", autocomplete: "off", class: "points" });
    const unit = element("span", { class: "muted small", text: "points (hundredths of a nat for losses)" });
    const own = element("button", { class: "quiet", type: "button" });
    const away = element("button", { class: "quiet", type: "button", text: "Leave out" });
    const change = (/** @type {number} */ value) => onChange(shown.map((one) => (one.name === name ? { ...one, tolerance_points: value } : one)));
    points.addEventListener("change", () => points.checkValidity() && points.value !== "" && change(Number(points.value)));
    own.addEventListener("click", () => change(shown.find((one) => one.name === name)?.own_tolerance_points ?? 0));
    away.addEventListener("click", () => onChange(shown.filter((one) => one.name !== name)));
    const update = (/** @type {ShownReference} */ one) => {
      setText(title, one.title);
      setAttribute(points, "aria-label", `Tolerance of ${one.title}, in points`);
      if (document.activeElement !== points || Number(points.value) !== one.tolerance_points) points.value = String(Number(one.tolerance_points.toFixed(4)));
      own.hidden = one.tolerance_points === one.own_tolerance_points;
      setText(own, `back to ${one.own_tolerance_points}`);
      setAttribute(away, "aria-label", `Leave out ${one.title}`);
      away.hidden = shown.length < 2;
    };
    return { node: element("li", { "data-reference": name }, title, element("label", { class: "tolerance" }, element("span", { class: "muted small", text: "tolerance" }), points, unit), own, away), update };
  });

  add.addEventListener("change", () => {
    const { value } = add;
    add.value = "";
    // Its own tolerance is not known here: the service fills it in.
    if (value) onChange([...shown, { name: value, title: value, tolerance_points: NaN, own_tolerance_points: NaN }]);
  });
  const dialog = createImport({ onError, onAdded: (name) => onChange([...shown.filter((one) => one.name !== name), { name, title: name, tolerance_points: NaN, own_tolerance_points: NaN }]), onRemoved: (name) => shown.some((one) => one.name === name) && onChange(shown.filter((one) => one.name !== name)) });
  open.addEventListener("click", dialog.open);

  /** @param {ReferenceChoice} choice */
  const update = ({ shown: now, there, most }) => {
    shown = now;
    items(now);
    const others = there.filter(({ name }) => !now.some((one) => one.name === name));
    add.hidden = !others.length || now.length >= most;
    const key = JSON.stringify(others);
    if (add.dataset.key === key) return;
    add.dataset.key = key;
    add.replaceChildren(element("option", { value: "", text: "and against…" }), ...others.map(({ name, title }) => element("option", { value: name, text: title === name ? name : `${title} (${name})` })));
  };
  return { update };
}

/** The dialog: a table is pasted or chosen as a file; those that are here are listed, and a person's own can be removed.
 *  @param {{onAdded: (name: string) => void, onRemoved: (name: string) => void, onError: (message: string) => void}} options */
function createImport({ onAdded, onRemoved, onError }) {
  const dialog = byId("import");
  closable(dialog, true);
  const list = createList(byId("import-list"), (/** @type {any} */ { name }) => name, ({ name, builtin }) => {
    const words = element("span");
    const away = element("button", { class: "quiet danger", type: "button", text: "Remove", "aria-label": `Remove ${name}`, hidden: builtin });
    away.addEventListener("click", () => void removeOne(name));
    return { node: element("li", {}, words, away), update: ({ title, values, experiments }) => setText(words, `${title} (${name}): ${counted(values, "number")} of ${counted(experiments.length, "experiment")}`) };
  });
  const refresh = async () => list((await get("/api/references")).references);

  const said = (/** @type {string} */ text) => {
    setText(byId("import-said"), text);
    byId("import-said").hidden = !text;
  };

  /** @param {string} name */
  async function removeOne(name) {
    try {
      await remove(`/api/references/${encodeURIComponent(name)}`);
      await refresh();
      onRemoved(name);
    } catch (problem) {
      said(problem.message);
    }
  }

  byId("import-file").addEventListener("change", async () => {
    const [file] = byId("import-file").files;
    if (!file) return;
    byId("import-text").value = await file.text();
    byId("import-format").value = formatOf(file.name);
    if (!byId("import-name").value) byId("import-name").value = nameOf(file.name);
  });

  byId("import-form").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (byId("import-send").disabled) return;
    byId("import-send").disabled = true;
    said("");
    const name = byId("import-name").value.trim();
    try {
      await post("/api/references", { name, format: byId("import-format").value, text: byId("import-text").value });
      byId("import-form").reset();
      dialog.close();
      onAdded(name);
    } catch (problem) {
      said(problem.message);
    } finally {
      byId("import-send").disabled = false;
    }
  });

  return {
    async open() {
      said("");
      dialog.showModal();
      try {
        await refresh();
      } catch (problem) {
        onError(problem.message);
      }
    },
  };
}

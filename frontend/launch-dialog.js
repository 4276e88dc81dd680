/** The launch dialog: a preset, a size, a data set, the fields; one launch however often it is clicked. */

import { get, post } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { count, counted } from "./format.js";
import { closable } from "./keys.js";
import { createCards, createField, createSegments } from "./launch-fields.js";
import { FIELDS, isHere, newKey, overridesOf, rangeText, readField, readSeeds, valueAt } from "./launch-form.js";

/** @typedef {import("./types.js").Preset} Preset */
/** @typedef {import("./types.js").Dataset} Dataset */
/** @typedef {import("./launch-fields.js").Field} Field */

/** @param {{onLaunched: (ids: number[]) => void}} options */
export function createLaunchDialog({ onLaunched }) {
  const dialog = byId("launch");
  const form = byId("launch-form");
  const submit = byId("launch-submit");
  let key = newKey();
  let sending = false;
  /** @type {Preset[]} */ let presets = [];
  /** @type {Dataset[]} */ let datasets = [];
  /** @type {Object<string, any>} */ let rules = {};
  /** @type {Map<string, Field>} */ const fields = new Map();
  const about = element("p", { class: "about" });
  const missing = element("div", { class: "note warn", hidden: true });

  const chosen = (/** @type {string} */ name) => form.elements.namedItem(name)?.value;
  const base = () => {
    const preset = presets.find(({ name }) => name === chosen("preset")) ?? presets[0];
    return { preset, spec: preset.sizes[/** @type {"quick"|"published"} */ (chosen("size"))] };
  };

  const showError = (/** @type {string} */ message, /** @type {string|undefined} */ path) => {
    const note = byId("launch-error");
    note.hidden = !message;
    setText(note, message);
    for (const [name, field] of fields) field.markWrong(name === path);
    if (path) fields.get(path)?.input.focus();
  };

  /** Lay the preset under the fields, then tell what the data set lacks. */
  const followPreset = () => {
    const { preset, spec } = base();
    setText(about, preset.about);
    for (const { path } of FIELDS) fields.get(path)?.setBase(valueAt(spec, path));
    offerDataset(spec.dataset.name);
    fields.get("dataset.name")?.setBase(spec.dataset.name);
    followDataset();
  };

  /** The data set that the preset wants is in the list even where it is not here. @param {string} wanted */
  const offerDataset = (wanted) => {
    const select = fields.get("dataset.name")?.input;
    const names = [...new Set([...datasets.map(({ name }) => name), wanted, select.value].filter(Boolean))];
    const options = names.map((name) => {
      const found = datasets.find((dataset) => dataset.name === name);
      return element("option", { value: name, text: isHere(found) ? name : `${name} (not here)` });
    });
    const before = select.value;
    select.replaceChildren(...options);
    if (before) select.value = before;
  };

  const followDataset = () => {
    const field = fields.get("dataset.name");
    const name = field?.input.value;
    const found = datasets.find((dataset) => dataset.name === name);
    missing.hidden = isHere(found);
    const use = element("button", { type: "button", class: "link", text: "Use shapes in its place" });
    use.addEventListener("click", () => {
      field?.set("shapes");
      showError("", undefined);
      followDataset();
    });
    const command = element("code", { text: `runyard data import ${name} PATH` });
    missing.replaceChildren(element("span", {}, `${name} is not here: run `, command), use);
    const facts = found ? `${found.title}: ${count(found.train_count)} training and ${count(found.test_count)} test images, ${found.pixels} px.` : "";
    setText(field?.node.querySelector(".help"), facts);
    const size = fields.get("dataset.image_size")?.input;
    if (size) size.placeholder = found ? `as stored: ${found.pixels}` : "as stored";
    const limit = fields.get("dataset.train_limit")?.input;
    if (limit) limit.placeholder = found ? `all ${count(found.train_count)}` : "all";
  };

  const summarise = () => {
    const seeds = readSeeds(fields.get("seeds")?.input.value ?? "");
    const number = "value" in seeds ? seeds.value.length : 1;
    setText(submit, sending ? "Launching…" : `Launch ${counted(number, "run")}`);
    const differing = [...fields.values()].filter(({ node }) => node.classList.contains("differs")).length;
    setText(byId("launch-summary"), differing ? `${counted(differing, "field")} ${differing === 1 ? "differs" : "differ"} from the preset` : "As the preset says");
  };

  /** @param {{models: {name: string}[]}} catalog */
  const build = (catalog) => {
    const body = byId("launch-body");
    const cards = createCards("preset", presets.map(({ name, title, section }) => ({ value: name, title, note: `Report, section ${section}` })));
    const sizes = [{ value: "quick", title: "Quick" }, { value: "published", title: "As published" }];
    const dataset = createField({ name: "dataset.name", label: "Data set", options: [] });
    fields.set("dataset.name", dataset);
    const grid = { main: element("div", { class: "fields" }), more: element("div", { class: "fields" }) };
    for (const plan of FIELDS) {
      const rule = rules[plan.path] ?? {};
      const names = plan.kind === "model" ? catalog.models.map(({ name }) => name) : plan.kind === "choice" ? (rule.enum ?? []) : null;
      const help = helpText(plan, rule);
      const options = names?.map((/** @type {string} */ name) => ({ value: name, text: plan.kind === "model" ? name : name.replaceAll("_", " ") }));
      const field = createField({ name: plan.path, label: plan.label, unit: plan.unit, help, options, numeric: plan.kind === "number" });
      fields.set(plan.path, field);
      grid[plan.main ? "main" : "more"].append(field.node);
    }
    const seeds = createField({ name: "seeds", label: "Seeds", help: "One run for each, with commas between: 0, 1, 2." });
    const name = createField({ name: "name", label: "Name", placeholder: "as the preset", help: "What the rows are called; may stay empty." });
    seeds.set("0");
    for (const [path, field] of /** @type {[string, Field][]} */ ([["seeds", seeds], ["name", name]])) {
      fields.set(path, field);
      grid.main.append(field.node);
    }
    body.replaceChildren(
      element("fieldset", {}, element("legend", { text: "Preset" }), element("div", { class: "presets" }, ...cards), about),
      element("div", { class: "two" }, createSegments("size", "Size", sizes), element("fieldset", {}, dataset.node)),
      missing,
      grid.main,
      element("details", { class: "more" }, element("summary", { text: "More fields" }), grid.more),
    );
    for (const name of ["preset", "size"]) form.querySelector(`input[name="${name}"]`).checked = true;
    followPreset();
    summarise();
  };

  const focusPreset = () => form.querySelector('input[name="preset"]:checked')?.focus();

  const open = async () => {
    if (dialog.open) return;
    key = newKey();
    showError("", undefined);
    dialog.showModal();
    try {
      datasets = (await get("/api/datasets")).datasets;
      if (fields.size) {
        followPreset();
        return focusPreset();
      }
      setText(byId("launch-body"), "Loading the presets…");
      const [known, catalog] = await Promise.all([get("/api/presets"), get("/api/models")]);
      ({ presets, fields: rules } = known);
      build(catalog);
      focusPreset();
    } catch (problem) {
      showError(problem.message, undefined);
    }
  };

  /** @returns {{body: any}|import("./launch-form.js").Refusal} */
  const read = () => {
    const { preset, spec } = base();
    /** @type {Object<string, any>} */ const values = { "dataset.name": fields.get("dataset.name")?.input.value };
    for (const plan of FIELDS) {
      const nullable = rules[plan.path]?.default === null || plan.path.endsWith("_limit") || plan.path === "dataset.image_size";
      const answer = readField(plan, fields.get(plan.path)?.input.value ?? "", nullable);
      if ("problem" in answer) return answer;
      values[plan.path] = answer.value;
    }
    const seeds = readSeeds(fields.get("seeds")?.input.value ?? "");
    if ("problem" in seeds) return seeds;
    const name = fields.get("name")?.input.value.trim();
    const body = { preset: preset.name, size: chosen("size"), overrides: overridesOf(spec, values), seeds: seeds.value };
    return { body: name ? { ...body, name } : body };
  };

  const launch = async () => {
    if (sending || !fields.size) return;
    const answer = read();
    if ("problem" in answer) return showError(answer.problem, answer.path);
    sending = submit.disabled = true;
    showError("", undefined);
    summarise();
    try {
      const { runs } = await post("/api/launches", answer.body, { "Idempotency-Key": key });
      key = newKey();
      dialog.close();
      onLaunched(runs);
    } catch (problem) {
      if (problem.kind === "IdempotencyConflict") key = newKey();
      showError(problem.message, [...fields.keys()].find((path) => problem.message.startsWith(`${path} `)));
    } finally {
      sending = submit.disabled = false;
      summarise();
    }
  };

  form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void launch();
  });
  form.addEventListener("input", (/** @type {Event} */ event) => {
    const name = /** @type {HTMLInputElement} */ (event.target).name;
    if (name === "preset" || name === "size") followPreset();
    if (name === "dataset.name") followDataset();
    showError("", undefined);
    summarise();
  });
  closable(dialog, false);
  return { open };
}

/** What the field means, unless its label says it, and its range. @param {import("./launch-form.js").FieldPlan} plan @param {any} rule */
function helpText({ label, kind }, rule) {
  const description = rule.description === `${label}.` ? "" : (rule.description ?? "");
  return [description, kind === "number" ? rangeText(rule) : ""].filter(Boolean).join(" ");
}

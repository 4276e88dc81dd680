/** The fields of the launch form: laid under the chosen preset, following what is chosen, read into a request. */

import { get } from "./api.js";
import { element, setText } from "./dom.js";
import { count, counted } from "./format.js";
import { createField, createSegments } from "./launch-fields.js";
import { FETCHABLE, FIELDS, isHere, overridesOf, rangeText, readField, readSeeds, valueAt, WEIGHTS } from "./launch-form.js";
import { createPresets } from "./launch-presets.js";
import { hasImagenet, startSentence, weightsChoices, weightsTable, weightsValue } from "./launch-start.js";

/** @typedef {import("./types.js").Preset} Preset */
/** @typedef {import("./types.js").Spec} Spec */
/** @typedef {import("./launch-fields.js").Field} Field */
/** @typedef {{datasets: import("./types.js").Dataset[], weights: import("./launch-start.js").KnownWeights[]}} Shelf what is here */

const REGRESSION = "softmax-regression"; // starts from nothing
const SIZES = [{ value: "quick", title: "Quick" }, { value: "published", title: "As published" }];

/** @param {{form: HTMLFormElement, place: HTMLElement, presets: Preset[], rules: Object<string, any>, models: {name: string}[], onPut: () => void}} options
 *  `onPut`: a value was put in for the person, as "Use shapes" does */
export function createLaunchBody({ form, place, presets, rules, models, onPut }) {
  /** @type {Shelf} */ let shelf = { datasets: [], weights: [] };
  /** @type {Map<string, Field>} */ const fields = new Map();
  const field = (/** @type {string} */ name) => /** @type {Field} */ (fields.get(name));
  const about = element("p", { class: "about" });
  const start = element("p", { class: "about" });
  const nodes = element("datalist", { id: "nodes" });
  const missing = element("div", { class: "note warn", hidden: true });

  const chosen = (/** @type {string} */ name) => /** @type {any} */ (form.elements.namedItem(name))?.value;
  const base = () => {
    const preset = presets.find(({ name }) => name === chosen("preset")) ?? presets[0];
    return { preset, spec: preset.sizes[/** @type {"quick"|"published"} */ (chosen("size"))] };
  };

  /** The network as it is chosen; of the preset where nobody changed it. */
  const arch = () => field("model.arch").input.value;

  const build = () => {
    const main = element("div", { class: "fields" });
    const more = element("div", { class: "fields" });
    /** @param {any} plan @param {any} [into] */
    const add = (plan, into) => {
      const made = createField(plan);
      fields.set(plan.name, made);
      into?.append(made.node);
      return made;
    };
    const dataset = add({ name: "dataset.name", label: "Data set", options: [] });
    add({ name: WEIGHTS, label: "Starts from", options: [] }, main);
    for (const plan of FIELDS) add(fieldOf(plan, rules[plan.path] ?? {}, models), plan.main ? main : more);
    add({ name: "seeds", label: "Seeds", help: "One run for each, with commas between: 0, 1, 2." }, main).set("0");
    add({ name: "name", label: "Name", placeholder: "as the preset", help: "What the rows are called; may stay empty." }, main);
    place.replaceChildren(
      createPresets(presets),
      element("div", { class: "preset-says" }, about, start),
      element("div", { class: "two" }, createSegments("size", "Size", SIZES), element("fieldset", {}, dataset.node)),
      missing,
      main,
      element("details", { class: "more" }, element("summary", { text: "More fields" }), more),
      nodes,
    );
    for (const name of ["preset", "size"]) /** @type {HTMLInputElement} */ (form.querySelector(`input[name="${name}"]`)).checked = true;
  };

  /** Lay the preset under the fields, then tell what is not here. */
  const followPreset = () => {
    const { preset, spec } = base();
    setText(about, preset.about);
    setText(start, startSentence(spec, presets.find(({ name }) => name === preset.starts_from)));
    for (const { path, means } of FIELDS) {
      field(path).node.hidden = Boolean(means && !means(spec));
      field(path).setBase(valueAt(spec, path));
    }
    offerWeights(spec, preset);
    offerDataset(spec.dataset.name);
    void offerNodes(spec);
  };

  /** A network that is trained may start from several things; what learns from features or pixels alone, from one.
   *  @param {Spec} spec @param {Preset} preset */
  const offerWeights = (spec, preset) => {
    const { node, input, set, setBase } = field(WEIGHTS);
    node.hidden = Boolean(spec.features) || arch() === REGRESSION;
    if (node.hidden) return followWeights();
    const others = presets.filter(({ name }) => name !== preset.name);
    const before = input.value;
    const usual = weightsValue(spec, preset.starts_from);
    const choices = weightsChoices(arch(), others, shelf.weights);
    const offers = (/** @type {string} */ wanted) => choices.some(({ value }) => value === wanted);
    fill(input, choices);
    setBase(usual);
    if (!offers(before) || !offers(input.value)) set(offers(usual) ? usual : "none");
    followWeights();
  };

  const followWeights = () => {
    const { node, input } = field(WEIGHTS);
    const lacking = !node.hidden && input.value === "imagenet" && !hasImagenet(arch(), shelf.weights);
    setText(node.querySelector(".help"), lacking ? `Not here; bring them with: runyard weights fetch ${arch()}` : "");
    field("model.trained").node.hidden = node.hidden || input.value === "none"; // of a random start all layers are trained
  };

  /** The data set that the preset wants is in the list even where it is not here. @param {string} wanted */
  const offerDataset = (wanted) => {
    const { input, setBase } = field("dataset.name");
    const names = [...new Set([...shelf.datasets.map(({ name }) => name), wanted, input.value].filter(Boolean))];
    const before = input.value;
    fill(input, names.map((name) => ({ value: name, text: isHere(shelf.datasets.find((dataset) => dataset.name === name)) ? name : `${name} (not here)` })));
    if (before) input.value = before;
    setBase(wanted);
    followDataset();
  };

  const followDataset = () => {
    const { node, input, set } = field("dataset.name");
    const name = input.value;
    const found = shelf.datasets.find((dataset) => dataset.name === name);
    missing.hidden = isHere(found);
    const use = element("button", { type: "button", class: "link", text: "Use shapes in its place" });
    use.addEventListener("click", () => {
      set("shapes");
      onPut();
      followDataset();
    });
    const command = element("code", { text: FETCHABLE.has(name) ? `runyard data fetch ${name}` : `runyard data import ${name} PATH` });
    missing.replaceChildren(element("span", {}, `${name} is not here: run `, command), use);
    setText(node.querySelector(".help"), found ? `${found.title}: ${count(found.train_count)} training and ${count(found.test_count)} test images, ${found.pixels} px.` : "");
    field("dataset.image_size").input.placeholder = found ? `as stored: ${found.pixels}` : "as stored";
    field("dataset.train_limit").input.placeholder = found ? `all ${count(found.train_count)}` : "all";
  };

  /** The nodes of the network that makes the features, with their shapes. @param {Spec} spec */
  const offerNodes = async (spec) => {
    const arch = spec.features?.arch;
    if (!arch || nodes.dataset.arch === arch) return;
    nodes.dataset.arch = arch;
    const known = await get(`/api/models/${arch}/nodes`).catch(() => ({ nodes: {} })); // then the name is typed
    nodes.replaceChildren(...Object.entries(known.nodes ?? {}).map(([value, shape]) => element("option", { value, label: [shape].flat().join(" × ") })));
  };

  /** @returns {{body: any}|import("./launch-form.js").Refusal} */
  const read = () => {
    const { preset, spec } = base();
    /** @type {Object<string, any>} */ const values = { "dataset.name": field("dataset.name").input.value };
    for (const plan of FIELDS) {
      const { node, input } = field(plan.path);
      if (node.hidden) continue; // it means nothing here
      const nullable = rules[plan.path]?.default === null || plan.path.endsWith("_limit") || plan.path === "dataset.image_size";
      const answer = readField(plan, input.value, nullable);
      if ("problem" in answer) return answer;
      values[plan.path] = answer.value;
    }
    const seeds = readSeeds(field("seeds").input.value);
    if ("problem" in seeds) return seeds;
    const overrides = overridesOf(spec, values);
    const weights = arch() === REGRESSION ? "none" : field(WEIGHTS).input.value;
    if (!spec.features && weights !== weightsValue(spec, preset.starts_from)) overrides.model = { ...overrides.model, weights: weightsTable(weights) };
    const name = field("name").input.value.trim();
    return { body: { preset: preset.name, size: chosen("size"), overrides, seeds: seeds.value, ...(name ? { name } : {}) } };
  };

  build();
  return {
    fields,
    read,
    /** Lay everything anew over what is here now. @param {Shelf} found */
    showShelf(found) {
      shelf = found;
      followPreset();
    },
    /** @param {string} name of the input that changed */
    follow(name) {
      if (name === "preset" || name === "size") followPreset();
      if (name === "dataset.name") followDataset();
      if (name === "model.arch") offerWeights(base().spec, base().preset);
      if (name === WEIGHTS) followWeights();
    },
    runs() {
      const seeds = readSeeds(field("seeds").input.value);
      return "value" in seeds ? seeds.value.length : 1;
    },
    differing() {
      const number = [...fields.values()].filter(({ node }) => node.classList.contains("differs") && !node.hidden).length;
      return number ? `${counted(number, "field")} ${number === 1 ? "differs" : "differ"} from the preset` : "As the preset says";
    },
  };
}

/** @param {any} select @param {{value: string, text: string}[]} options what was chosen stays chosen */
function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(({ value, text }) => element("option", { value, text })));
  if (options.some(({ value }) => value === before)) select.value = before;
}

/** A plan with what the catalog knows: choices, help, the list of nodes.
 *  @param {import("./launch-form.js").FieldPlan} plan @param {any} rule @param {{name: string}[]} models */
function fieldOf({ path: name, label, unit, kind }, rule, models) {
  const values = kind === "model" ? models.map((model) => model.name) : kind === "choice" ? (rule.enum ?? []) : kind === "flag" ? ["no", "yes"] : null;
  const options = values?.map((/** @type {string} */ value) => ({ value, text: kind === "model" ? value : value.replaceAll("_", " ") }));
  // What the field means, unless its label says it, and its range.
  const description = rule.description === `${label}.` ? "" : (rule.description ?? "");
  const help = [description, kind === "number" ? rangeText(rule) : ""].filter(Boolean).join(" ");
  return { name, label, unit, help, options, numeric: kind === "number", list: kind === "node" ? "nodes" : undefined };
}

/** What a launch starts from, as chosen on the page and kept in its address: a preset in a size, or the clone of a run. */

import { get } from "./api.js";
import { element, setText } from "./dom.js";
import { createFaithful } from "./faithful.js";
import { createPresets, createSizes } from "./launch-presets.js";
import { startSentence } from "./launch-weights.js";

/** @typedef {import("./types.js").Preset} Preset */
/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./launch-request.js").Base} Base */

/** The number of the run that the address asks to clone, "wrong" where it is none, null where it asks for no clone. Pure.
 *  @param {URLSearchParams} query @returns {number|"wrong"|null} */
export function cloneOf(query) {
  const text = query.get("clone");
  if (text === null) return null;
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : "wrong";
}

/** The seeds that the address asks for, as they are typed; null where it asks for none. Pure. @param {URLSearchParams} query */
export const seedsOf = (query) => (/^[\d,\s-]{1,4000}$/.test(query.get("seeds") ?? "") ? (query.get("seeds") ?? "").split(",").join(", ") : null);

/** @typedef {{path: string, text: string}} Set a field that the address sets, as it is typed */

const MOST_SETS = 50;

/** The fields that the address sets, and what cannot be: `set=optimizer.lr:0.01`, once for each. Pure.
 *  @param {URLSearchParams} query @param {import("./launch-plan.js").Plan[]} plans @param {Object<string, any>} rules
 *  @returns {{sets: Set[], problems: string[]}} */
export function setsOf(query, plans, rules) {
  /** @type {Set[]} */ const sets = [];
  /** @type {string[]} */ const problems = [];
  for (const pair of query.getAll("set").slice(0, MOST_SETS)) {
    const [, path, text] = /^([^:]*):(.*)$/s.exec(pair) ?? [null, pair, null];
    const plan = plans.find((one) => one.path === path);
    if (!plan || text === null) problems.push(`The address sets “${pair.slice(0, 60)}”, which is no field with a value, such as optimizer.lr:0.01; it is left out.`);
    else if (!isOption(plan, rules[path], textOf(plan, text))) problems.push(`The address sets ${path} to “${text.slice(0, 40)}”; it may be ${optionsOf(plan, rules[path])?.join(", ")}. It is left out.`);
    else sets.push({ path, text: textOf(plan, text).slice(0, 200) });
  }
  return { sets, problems };
}

/** What the form shows for a value of the spec. @param {import("./launch-plan.js").Plan} plan @param {string} text */
function textOf({ kind }, text) {
  if (kind === "flag") return { true: "yes", false: "no" }[text] ?? text;
  return text === "none" && kind === "number" ? "" : text;
}

/** @param {import("./launch-plan.js").Plan} plan @param {any} rule @returns {string[]|undefined} those of a choice */
const optionsOf = ({ kind }, rule) => (kind === "flag" ? ["yes", "no"] : kind === "choice" ? rule?.enum : undefined);

/** @param {import("./launch-plan.js").Plan} plan @param {any} rule @param {string} text */
const isOption = (plan, rule, text) => optionsOf(plan, rule)?.includes(text) ?? true;

/** The run that the address asks to clone. @param {URLSearchParams} query
 *  @returns {Promise<{run: Run|null, problem: string}>} the problem is empty where there is none */
export async function clonedRun(query) {
  const id = cloneOf(query);
  if (id === null) return { run: null, problem: "" };
  if (id === "wrong") return { run: null, problem: `The address asks for a clone of “${query.get("clone")?.slice(0, 40)}”, which is no run; choose a preset.` };
  try {
    return { run: await get(`/api/runs/${id}`), problem: "" };
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    return { run: null, problem: `${problem.message} Choose a preset in its place.` };
  }
}

/** @param {{run: Run, place: HTMLElement}} options @returns {{base: () => Base, title: () => string, seeds: string, experiment: string}} */
export function createClone({ run, place }) {
  const from = element("p", {}, "Clone of ", element("a", { href: `/runs/${run.id}`, text: `run ${run.id}` }), ` “${run.name ?? ""}”: every field is as it was there until you change it.`);
  place.replaceChildren(element("div", { class: "clone-says" }, from, element("a", { class: "button", href: "/launch", text: "Start from a preset" })));
  return { base: () => ({ clone: run.id, spec: run.spec, startsFrom: null }), title: () => `Clone of run ${run.id}`, seeds: String(run.seed), experiment: run.experiment ?? "" };
}

/** @param {{presets: Preset[], query: URLSearchParams, place: HTMLElement, onChosen: () => void, onProblem: (message: string) => void}} options
 *  @returns {{base: () => Base, title: () => string, seeds: string, experiment: string}} */
export function createPresetChoice({ presets, query, place, onChosen, onProblem }) {
  const about = element("p", { class: "about" });
  const start = element("p", { class: "about" });
  const cards = createPresets(presets);
  const sizes = createSizes();
  const faithful = createFaithful();
  place.replaceChildren(cards, element("div", { class: "preset-says" }, element("div", {}, about, start), sizes), faithful.node);

  /** @param {string} name @param {string|null} value @returns {boolean} whether there is such a choice */
  const check = (name, value) => {
    const input = [...place.querySelectorAll(`input[name="${name}"]`)].find((one) => /** @type {HTMLInputElement} */ (one).value === value);
    if (input) /** @type {HTMLInputElement} */ (input).checked = true;
    return Boolean(input);
  };
  const chosen = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (place.querySelector(`input[name="${name}"]:checked`)).value;
  const preset = () => /** @type {Preset} */ (presets.find(({ name }) => name === chosen("preset")));

  const wanted = query.get("preset");
  if (!check("preset", wanted)) {
    check("preset", presets[0].name);
    if (wanted !== null) onProblem(`There is no preset “${wanted.slice(0, 40)}”; choose one of these.`);
  }
  if (!check("size", query.get("size"))) check("size", "quick");
  const more = /** @type {HTMLDetailsElement|null} */ (place.querySelector(".more-presets:has(input:checked)"));
  if (more) more.open = true;

  /** @returns {Base} */
  const base = () => ({ preset: preset().name, size: chosen("size"), spec: preset().sizes[/** @type {"quick"|"published"} */ (chosen("size"))], startsFrom: preset().starts_from });
  const say = () => {
    setText(about, preset().about);
    faithful.update(preset().faithful);
    setText(start, startSentence(base().spec, presets.find(({ name }) => name === preset().starts_from)));
  };
  place.addEventListener("input", (event) => {
    event.stopPropagation(); // it is no field of the spec
    history.replaceState(null, "", `?${new URLSearchParams({ preset: chosen("preset"), size: chosen("size") })}`);
    say();
    onChosen();
  });
  say();
  const title = () => `${preset().title}, ${chosen("size") === "quick" ? "quick" : "as published"}`;
  return { base, title, seeds: "0", experiment: "" };
}

/** From the form to a request: what differs from where the launch starts, the grid, and how many runs that is. Pure. */

import { count } from "./format.js";
import { asText, inWords, manyOf } from "./launch-plan.js";
import { readSeeds, readValues } from "./launch-values.js";
import { startOf, weightsTable } from "./launch-weights.js";

/** @typedef {import("./launch-plan.js").Plan} Plan */
/** @typedef {import("./launch-plan.js").Chosen} Chosen */
/** @typedef {import("./types.js").Spec} Spec */
/** @typedef {{preset?: string, size?: string, clone?: number, spec: Spec, startsFrom: string|null}} Base what a launch starts from */
/** @typedef {Object<string, string[]>} Texts by path: what stands in each field, several where it is varied */
/** @typedef {{texts: Texts, seeds: string, name: string, experiment: string, words?: Object<string, Object<string, string>>}} Form
 *   words: of the options of a field, where the page knows better ones than the plan */
/** @typedef {{path: string, label: string, before: string, after: string}} Difference */
/** @typedef {import("./launch-values.js").Refusal} Refusal */

/** @param {any} spec @param {string} path such as "optimizer.lr" */
export const valueAt = (spec, path) => path.split(".").reduce((part, key) => part?.[key], spec) ?? null;

/** What each field shows before anybody changes it. @param {Base} base @param {Plan[]} plans @param {Object<string, any>} rules
 *  @returns {Object<string, string>} */
export function baseTexts({ spec, startsFrom }, plans, rules) {
  return Object.fromEntries(plans.map(({ path, kind }) => {
    if (kind === "weights") return [path, startOf(valueAt(spec, path), startsFrom)];
    // Without features these have no values yet: they begin with their defaults.
    return [path, asText(valueAt(spec, path) ?? rules[path]?.default)];
  }));
}

/** What other fields depend on. @param {Texts} texts @returns {Chosen} */
export function chosenOf(texts) {
  const one = (/** @type {string} */ path) => (texts[path]?.length > 1 ? "several" : (texts[path]?.[0] ?? ""));
  return {
    arch: one("model.arch"),
    features: one("features.arch") !== "",
    start: one("model.weights"),
    featuresStart: one("features.weights"),
    rule: one("model.weights.rule"),
    featuresRule: one("features.weights.rule"),
    optimizers: texts["optimizer.name"] ?? [],
    schedules: texts["schedule.name"] ?? [],
    stops: !/^(none|never)?$/i.test(one("early_stopping.patience").trim()),
  };
}

/** @param {Plan} plan @param {Chosen} chosen */
export const isShown = (plan, chosen) => !plan.means || plan.means(chosen);

/** The request of a form, with what it changes; or the first field that cannot be read.
 *  @param {Base} base @param {Form} form @param {Plan[]} plans @param {Object<string, any>} rules
 *  @returns {{body: any, differs: Difference[], runs: number, how: string}|Refusal} */
export function requestOf(base, form, plans, rules) {
  const chosen = chosenOf(form.texts);
  const read = readFields(base, form.texts, chosen, plans, rules);
  if ("problem" in read) return read;
  const seeds = readSeeds(form.seeds);
  if ("problem" in seeds) return seeds;
  const { overrides, grid } = changesOf(base, chosen, read.values, rules);
  const shown = plans.filter((plan) => isShown(plan, chosen));
  const factors = shown.filter(({ path }) => read.values[path].length > 1).map((plan) => manyOf(plan, read.values[plan.path].length));
  if (seeds.values.length > 1) factors.push(`${seeds.values.length} seeds`);
  const runs = Object.values(grid).reduce((product, { length }) => product * length, seeds.values.length);
  const start = base.clone === undefined ? { preset: base.preset, size: base.size } : { clone: base.clone };
  const said = given({ overrides, grid, name: form.name.trim(), experiment: form.experiment.trim() });
  return { body: { ...start, ...said, seeds: seeds.values }, differs: differencesOf(base, form, shown, read.values, rules), runs, how: countText(factors, runs) };
}

/** The values of every field; what says nothing here has its default.
 *  @param {Base} base @param {Texts} texts @param {Chosen} chosen @param {Plan[]} plans @param {Object<string, any>} rules
 *  @returns {{values: Object<string, any[]>}|Refusal} */
function readFields(base, texts, chosen, plans, rules) {
  /** @type {Object<string, any[]>} */ const values = {};
  for (const plan of plans) {
    const { path } = plan;
    const read = isShown(plan, chosen) ? readValues(plan, texts[path] ?? [], isNullable(path, rules)) : { values: [unsaid(plan, rules, base)] };
    if ("problem" in read) return read;
    values[path] = read.values;
  }
  return { values };
}

/** What differs from the base as overrides, and what is varied as a grid.
 *  @param {Base} base @param {Chosen} chosen @param {Object<string, any[]>} values @param {Object<string, any>} rules */
function changesOf(base, chosen, values, rules) {
  /** @type {Object<string, any>} */ const overrides = {};
  /** @type {Object<string, any[]>} */ const grid = {};
  for (const [path, several] of Object.entries(values)) {
    if (path.includes("weights")) continue; // as whole tables, below
    if (path.startsWith("features.") && !chosen.features) continue; // away as a whole, below
    if (several.length > 1) grid[path] = several;
    else if (several[0] !== valueBefore(base, path, rules)) put(overrides, path, several[0]);
  }
  for (const holder of ["model", "features"]) takeWeights(holder, base, chosen, values, overrides, grid);
  if (!chosen.features && base.spec.features) overrides.features = null;
  return { overrides, grid };
}

/** What differs from the base, in words. @param {Base} base @param {Form} form @param {Plan[]} shown
 *  @param {Object<string, any[]>} values @param {Object<string, any>} rules @returns {Difference[]} */
function differencesOf(base, form, shown, values, rules) {
  const before = baseTexts(base, shown, rules);
  return shown.flatMap((plan) => {
    const { path, kind, label } = plan;
    if (kind === "run") return []; // it is told as what the network starts from
    const say = (/** @type {string} */ text) => form.words?.[path]?.[text] ?? inWords(plan, text);
    const after = values[path].map((value) => (kind === "weights" && value === "run" ? `run ${values[`${path}.run`][0]}` : say(asText(value))));
    const was = say(before[path]);
    return after.length > 1 || after[0] !== was ? [{ path, label, before: was, after: after.join(", ") }] : [];
  });
}

/** "3 learning rates × 2 seeds = 6 runs"; nothing where one factor says it all. @param {string[]} factors @param {number} runs */
export const countText = (factors, runs) => (factors.length ? `${factors.join(" × ")} = ${count(runs)} ${runs === 1 ? "run" : "runs"}` : "");

/** The weights of a holder as one table, or as several in the grid.
 *  @param {string} holder @param {Base} base @param {Chosen} chosen @param {Object<string, any[]>} read
 *  @param {Object<string, any>} overrides @param {Object<string, any[]>} grid */
function takeWeights(holder, base, chosen, read, overrides, grid) {
  const path = `${holder}.weights`;
  if (!read[path] || (holder === "features" && !chosen.features)) return;
  const old = valueAt(base.spec, path);
  const first = (/** @type {string} */ name) => read[`${path}.${name}`]?.[0] ?? null;
  const table = (/** @type {string} */ start) => weightsTable({ start, run: first("run"), rule: first("rule") ?? undefined, seed: first("seed") }, old);
  if (read[path].length > 1) {
    grid[path] = read[path].map(table);
    return;
  }
  const now = table(read[path][0]);
  const was = weightsTable({ start: startOf(old, base.startsFrom), rule: old?.rule, seed: old?.seed }, old);
  const isNew = holder === "features" && !base.spec.features;
  if (JSON.stringify(now) !== JSON.stringify(was) || (isNew && now.source !== "none")) put(overrides, path, now);
}

/** A run of an older version has no value for what came later: it began with the default. @param {Base} base @param {string} path @param {Object<string, any>} rules */
const valueBefore = ({ spec }, path, rules) => valueAt(spec, path) ?? rules[path]?.default ?? null;

/** What a field that says nothing here is sent as: its default, where the base has something else.
 *  @param {Plan} plan @param {Object<string, any>} rules @param {Base} base */
function unsaid({ path, goes }, rules, base) {
  const { spec } = base;
  if (path.endsWith("weights")) return "none";
  if (goes) return valueBefore(base, path, rules);
  return rules[path]?.default === undefined ? valueAt(spec, path) : rules[path].default;
}

/** @param {string} path @param {Object<string, any>} rules */
export const isNullable = (path, rules) => (rules[path] ? rules[path].default === null : false) || path === "features.arch";

/** @param {Object<string, any>} table @param {string} path @param {any} value */
function put(table, path, value) {
  const keys = path.split(".");
  const last = /** @type {string} */ (keys.pop());
  keys.reduce((inner, key) => (inner[key] ??= {}), table)[last] = value;
}

/** Without what is empty. @param {Object<string, any>} parts */
const given = (parts) => Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== "" && !(typeof value === "object" && !Object.keys(value).length)));

/** The field that a refusal of the service speaks of, by the path or the thing that it begins with.
 *  @param {string} message @param {string[]} paths those that are shown @returns {string|null} */
export function fieldOf(message, paths) {
  const text = message.replace(/^With [^:]*: /, "").replace(/^grid\./, "");
  const named = [...paths, "seeds", "seed", "name", "experiment"].filter((path) => text.startsWith(`${path} `)).sort((a, b) => b.length - a.length)[0];
  if (named) return named === "seed" ? "seeds" : named;
  const within = paths.filter((path) => text.startsWith(`${path}.`)).sort((a, b) => b.length - a.length)[0];
  return within ?? THINGS.find(([thing, path]) => text.startsWith(`There is no ${thing} `) && paths.includes(path))?.[1] ?? null;
}

/** What a refusal calls by its name, and where it is chosen. @type {[string, string][]} */
const THINGS = [
  ["data set", "dataset.name"],
  ["model", "model.arch"],
  ["node", "features.node"],
  ...["model", "features"].flatMap((holder) => /** @type {[string, string][]} */ ([["file of weights", `${holder}.weights`], ["run", `${holder}.weights.run`]])),
];

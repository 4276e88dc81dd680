/** From what was typed to what is sent: fields, ranges, differences from the preset. Pure. */

import { count, plain } from "./format.js";

/** @typedef {import("./types.js").Spec} Spec */
/** @typedef {{path: string, label: string, unit?: string, main?: boolean, kind: "number"|"choice"|"model"|"flag"|"node",
 *   means?: (spec: Spec) => boolean}} FieldPlan means: where the field says something; everywhere, where it is left out */
/** @typedef {{problem: string, path: string}} Refusal */

const onFeatures = (/** @type {Spec} */ spec) => Boolean(spec.features);
const onImages = (/** @type {Spec} */ spec) => !spec.features;

/** The field of weights is none of these: its choices depend on the network. */
export const WEIGHTS = "weights";

/** @type {FieldPlan[]} */
export const FIELDS = [
  { path: "epochs", label: "Epochs", main: true, kind: "number" },
  { path: "optimizer.lr", label: "Learning rate", main: true, kind: "number" },
  { path: "batch_size", label: "Batch size", unit: "images", main: true, kind: "number" },
  { path: "dataset.image_size", label: "Image size", unit: "px", main: true, kind: "number" },
  { path: "dataset.train_limit", label: "Training images", unit: "images", main: true, kind: "number" },
  { path: "features.node", label: "Features of the node", main: true, kind: "node", means: onFeatures },
  { path: "features.pooling", label: "Pooling", main: true, kind: "choice", means: onFeatures },
  { path: "features.standardize", label: "Standardise features", main: true, kind: "flag", means: onFeatures },
  { path: "model.trained", label: "Trained layers", main: true, kind: "choice", means: onImages },
  { path: "dataset.augment", label: "Augmentation", kind: "choice", means: onImages },
  { path: "dataset.test_limit", label: "Test images", unit: "images", kind: "number" },
  { path: "optimizer.momentum", label: "Momentum", kind: "number" },
  { path: "optimizer.weight_decay", label: "Weight decay", kind: "number" },
  { path: "eval_batch_size", label: "Test batch size", unit: "images", kind: "number" },
  { path: "model.arch", label: "Model", kind: "model" },
  { path: "model.init", label: "Random start", kind: "choice" },
  { path: "loss.name", label: "Loss", kind: "choice" },
  { path: "dataset.normalize", label: "Normalisation", kind: "choice" },
];

/** @param {any} spec @param {string} path such as "optimizer.lr" */
export const valueAt = (spec, path) => path.split(".").reduce((part, key) => part?.[key], spec) ?? null;

/** A value as the field shows it; null is an empty field. @param {any} value */
export function asText(value) {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? plain(value) : String(value);
}

const MOST_SAID = 1e8;

/** "From 1 to 10,000.", "Over 0, at most 100." @param {Object<string, any>} rules */
export function rangeText(rules) {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = rules;
  const show = (/** @type {number} */ value) => (Number.isInteger(value) ? count(value) : plain(value));
  // A bound of a hundred million guards the database; it tells a person nothing.
  const high = maximum < MOST_SAID ? maximum : undefined;
  if (minimum !== undefined && high !== undefined) return `From ${show(minimum)} to ${show(high)}.`;
  const bounds = [
    exclusiveMinimum !== undefined ? `over ${show(exclusiveMinimum)}` : minimum !== undefined ? `at least ${show(minimum)}` : "",
    exclusiveMaximum !== undefined ? `under ${show(exclusiveMaximum)}` : high !== undefined ? `at most ${show(high)}` : "",
  ].filter(Boolean);
  const text = bounds.join(", ");
  return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** @param {FieldPlan} plan @param {string} typed @param {boolean} nullable
 *  @returns {{value: any}|Refusal} */
export function readField({ path, label, kind }, typed, nullable) {
  const text = typed.trim();
  if (text === "") return nullable ? { value: null } : { problem: `${label} is empty; give ${kind === "number" ? "a number" : "a name"}.`, path };
  if (kind === "flag") return { value: text === "yes" };
  if (kind !== "number") return { value: text };
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(Number(text)))
    return { problem: `${label} is “${text}”, which is no number; write it like 10 or 0.05.`, path };
  return { value: Number(text) };
}

/** "0, 1, 2" as numbers. @param {string} typed @returns {{value: number[]}|Refusal} */
export function readSeeds(typed) {
  const parts = typed.split(/[\s,;]+/).filter(Boolean);
  const wrong = parts.find((part) => !/^\d+$/.test(part));
  if (wrong !== undefined) return { problem: `Seeds has “${wrong}”; give whole numbers such as 0, 1, 2.`, path: "seeds" };
  if (!parts.length) return { problem: "Seeds is empty; give at least one, such as 0.", path: "seeds" };
  const value = parts.map(Number);
  const twice = value.find((seed, index) => value.indexOf(seed) !== index);
  return twice === undefined ? { value } : { problem: `Seed ${twice} stands there twice.`, path: "seeds" };
}

/** The nested part of a spec that differs from the preset's. @param {Spec} base @param {Object<string, any>} values by path */
export function overridesOf(base, values) {
  /** @type {Object<string, any>} */ const overrides = {};
  for (const [path, value] of Object.entries(values)) {
    if (value === valueAt(base, path)) continue;
    const keys = path.split(".");
    const last = /** @type {string} */ (keys.pop());
    const part = keys.reduce((inner, key) => (inner[key] ??= {}), overrides);
    part[last] = value;
  }
  return overrides;
}

/** The data sets that one command downloads. */
export const FETCHABLE = new Set(["cifar10", "cifar100", "fashionmnist"]);

/** A data set can be used where it was imported or makes itself. @param {import("./types.js").Dataset|undefined} dataset */
export const isHere = (dataset) => Boolean(dataset && (dataset.builtin || dataset.hash));

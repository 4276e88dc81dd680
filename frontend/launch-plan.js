/** Which fields the launch page shows, how they are called, and where each says something. Pure. */

import { count, exact, OPTIMIZERS, plain, SCHEDULES } from "./format.js";

/** @typedef {"number"|"choice"|"flag"|"dataset"|"model"|"network"|"node"|"weights"|"run"|"text"} Kind
 *  @typedef {{path: string, label: string, many?: string, group: string, main?: boolean, kind: Kind, words?: Object<string, string>,
 *   one?: boolean, empty?: string, goes?: boolean,
 *   means?: (chosen: Chosen) => boolean}} Plan
 *   one: it cannot be varied; many: several of its values in words; means: where the field says something; words: of its values, where they
 *   need some; empty: an empty field in words; goes: where it says nothing it is not sent, as the service lets it go with the choice that it belongs to
 *  @typedef {{arch: string, features: boolean, start: string, featuresStart: string, rule: string, featuresRule: string,
 *   optimizers: string[], schedules: string[], stops: boolean}} Chosen
 *   what other fields depend on; a start is "several" where it is varied */

export const REGRESSION = "softmax-regression";

const onFeatures = (/** @type {Chosen} */ { features }) => features;
const onImages = (/** @type {Chosen} */ { features }) => !features;
const onWeights = (/** @type {Chosen} */ { features, start }) => !features && start !== "none";
const isParent = (/** @type {string} */ start) => start === "parent" || start.startsWith("preset:");

const oneOf = (/** @type {"optimizers"|"schedules"} */ choice, /** @type {string[]} */ ...wanted) => (/** @type {Chosen} */ chosen) => wanted.some((one) => chosen[choice].includes(one));
const withSgd = oneOf("optimizers", "sgd");
const withAdam = oneOf("optimizers", "adam", "adamw");
const withSteps = oneOf("schedules", "step");
const onStopping = (/** @type {Chosen} */ { stops }) => stops;

/** Groups that stand behind one line together: a first launch needs none of them. */
export const RARE_GROUPS = ["Schedule", "Regularisation", "Stopping", "Precision and devices", "Records"];

const SAME_OR_FIXED = { same_seed: "of the run's own seed", fixed_seed: "of one seed for all" };

const STOPS_BY = { val_loss: "validation loss", val_acc: "validation accuracy", train_loss: "training loss" };
const PRECISIONS = { fp32: "32 bits", tf32: "TF32", bf16: "bfloat16" };

/** The fields of a spec, in the order of the page; seed, name and experiment stand apart.
 *  @type {Plan[]} */
export const PLANS = [
  { path: "dataset.name", label: "Data set", group: "Data", main: true, kind: "dataset" },
  { path: "dataset.train_limit", label: "Training images", many: "numbers of training images", group: "Data", main: true, kind: "number" },
  { path: "dataset.image_size", label: "Image size", group: "Data", main: true, kind: "number" },
  { path: "dataset.test_limit", label: "Test images", many: "numbers of test images", group: "Data", kind: "number" },
  { path: "dataset.augment", label: "Augmentation", group: "Data", kind: "choice", means: onImages, words: { crop_flip: "crop and flip", cutout: "crop, flip and cut out", mixup: "crop, flip and mix up" } },
  { path: "dataset.normalize", label: "Normalisation", group: "Data", kind: "choice", words: { dataset: "of the data set", imagenet: "of ImageNet" } },
  { path: "dataset.validation", label: "Validation share", group: "Data", kind: "number" },
  { path: "model.arch", label: "Model", group: "Network", main: true, kind: "model" },
  { path: "model.weights", label: "Starts from", many: "starts", group: "Network", main: true, kind: "weights", means: onImages },
  { path: "model.weights.run", one: true, label: "Weights of run", group: "Network", main: true, kind: "run", means: ({ features, start }) => !features && start === "run" },
  { path: "model.weights.rule", one: true, label: "Parent", group: "Network", main: true, kind: "choice", words: SAME_OR_FIXED, means: ({ features, start }) => !features && isParent(start) },
  { path: "model.weights.seed", one: true, label: "Parent's seed", group: "Network", main: true, kind: "number", means: ({ features, start, rule }) => !features && isParent(start) && rule === "fixed_seed" },
  { path: "model.trained", label: "Trained layers", many: "choices of layers", group: "Network", main: true, kind: "choice", means: onWeights, words: { head: "output layer alone" } },
  { path: "model.output_layer", label: "Output layer", group: "Network", kind: "choice", means: onWeights, words: { kept: "kept as loaded" } },
  { path: "model.init", label: "Random start", group: "Network", kind: "choice", words: { default: "the library's own", xavier_uniform: "Xavier uniform" } },
  { path: "features.arch", label: "Features of", many: "networks for features", group: "Features", main: true, kind: "network" },
  { path: "features.weights", label: "It starts from", many: "starts of its network", group: "Features", main: true, kind: "weights", means: onFeatures },
  { path: "features.weights.run", one: true, label: "Weights of run", group: "Features", main: true, kind: "run", means: ({ features, featuresStart }) => features && featuresStart === "run" },
  { path: "features.weights.rule", one: true, label: "Parent", group: "Features", main: true, kind: "choice", words: SAME_OR_FIXED, means: ({ features, featuresStart }) => features && isParent(featuresStart) },
  { path: "features.weights.seed", one: true, label: "Parent's seed", group: "Features", main: true, kind: "number", means: ({ features, featuresStart, featuresRule }) => features && isParent(featuresStart) && featuresRule === "fixed_seed" },
  { path: "features.node", label: "Node", group: "Features", main: true, kind: "node", means: onFeatures },
  { path: "features.pooling", label: "Pooling", group: "Features", main: true, kind: "choice", means: onFeatures, words: { none: "all values, flattened", average: "average of each channel" } },
  { path: "features.standardize", label: "Standardise", many: "choices to standardise", group: "Features", main: true, kind: "flag", means: onFeatures },
  { path: "epochs", label: "Epochs", many: "numbers of epochs", group: "Training", main: true, kind: "number" },
  { path: "batch_size", label: "Batch size", group: "Training", main: true, kind: "number" },
  { path: "loss.name", label: "Loss", many: "losses", group: "Training", main: true, kind: "choice", words: { cross_entropy: "cross-entropy", cross_entropy_of_probabilities: "cross-entropy of probabilities" } },
  { path: "eval_batch_size", label: "Test batch size", group: "Training", kind: "number" },
  { path: "optimizer.name", label: "Optimiser", group: "Optimiser", main: true, kind: "choice", words: OPTIMIZERS },
  { path: "optimizer.lr", label: "Learning rate", group: "Optimiser", main: true, kind: "number" },
  { path: "optimizer.momentum", label: "Momentum", many: "momenta", group: "Optimiser", main: true, kind: "number", goes: true, means: withSgd },
  { path: "optimizer.weight_decay", label: "Weight decay", group: "Optimiser", kind: "number" },
  { path: "optimizer.nesterov", label: "Nesterov", many: "choices of Nesterov", group: "Optimiser", kind: "flag", goes: true, means: withSgd },
  { path: "optimizer.beta1", label: "Beta 1", many: "values of beta 1", group: "Optimiser", kind: "number", goes: true, means: withAdam },
  { path: "optimizer.beta2", label: "Beta 2", many: "values of beta 2", group: "Optimiser", kind: "number", goes: true, means: withAdam },
  { path: "schedule.name", label: "Schedule", group: "Schedule", kind: "choice", words: SCHEDULES },
  { path: "schedule.warmup_epochs", label: "Warm-up", group: "Schedule", kind: "number", goes: true, means: oneOf("schedules", "constant", "step", "cosine") },
  { path: "schedule.step_epochs", label: "Epochs of a step", many: "lengths of a step", group: "Schedule", kind: "number", goes: true, means: withSteps },
  { path: "schedule.gamma", label: "Factor of a step", many: "factors", group: "Schedule", kind: "number", goes: true, means: withSteps },
  { path: "loss.label_smoothing", label: "Label smoothing", many: "label smoothings", group: "Regularisation", kind: "number" },
  { path: "gradient_clip", label: "Gradient clipping", many: "limits of gradients", group: "Regularisation", kind: "number", empty: "never" },
  { path: "ema", label: "Average of weights", many: "averages of weights", group: "Regularisation", kind: "number" },
  { path: "early_stopping.patience", label: "Patience", many: "patiences", group: "Stopping", kind: "number", empty: "never" },
  { path: "early_stopping.metric", label: "Stops by", many: "values to stop by", group: "Stopping", kind: "choice", goes: true, means: onStopping, words: STOPS_BY },
  { path: "early_stopping.min_delta", label: "Least gain", group: "Stopping", kind: "number", goes: true, means: onStopping },
  { path: "precision", label: "Precision", group: "Precision and devices", kind: "choice", words: PRECISIONS },
  { path: "compile", label: "Compile", many: "choices to compile", group: "Precision and devices", kind: "choice" },
  { path: "devices", label: "Devices", many: "numbers of devices", group: "Precision and devices", kind: "number" },
  { path: "deterministic", label: "Deterministic", many: "choices of determinism", group: "Precision and devices", kind: "flag" },
  { path: "step_series", one: true, label: "Values of each step", group: "Records", kind: "flag" },
];

/** Within these tables one field stands for all. */
const TOGETHER = ["model.weights.", "features.weights."];

/** The plans with a field for whatever the service's spec has and this page does not know by name.
 *  @param {Object<string, any>} rules by path @returns {Plan[]} */
export function plansFor(rules) {
  const known = new Set([...PLANS.map(({ path }) => path), "seed"]);
  const unknown = Object.keys(rules).filter((path) => !known.has(path) && !TOGETHER.some((above) => path.startsWith(above)));
  return [...PLANS, ...unknown.map((path) => ({ path, label: path, group: "Others", kind: kindOf(rules[path]) }))];
}

/** @param {any} rule @returns {Kind} */
const kindOf = (rule) => (rule.enum || rule.const ? "choice" : rule.type === "boolean" ? "flag" : rule.type === "string" ? "node" : "number");

/** "3 learning rates". @param {Plan} plan @param {number} number */
export const manyOf = (plan, number) => `${number} ${plan.many ?? `${plan.label.toLowerCase()}s`}`;

/** A value as the page shows it; null is an empty field. @param {any} value */
export function asText(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? exact(value) : String(value);
}

/** A text of a field in words, for people. @param {Plan} plan @param {string} text */
export function inWords(plan, text) {
  if (text === "") return plan.empty ?? wordOfEmpty(plan);
  return plan.words?.[text] ?? (plan.kind === "choice" ? text.replaceAll("_", " ") : text);
}

/** @param {Plan} plan */
const wordOfEmpty = ({ path }) => (path.endsWith("_limit") ? "all" : path === "dataset.image_size" ? "as stored" : "none");

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

/** What a field means, unless its label says it, and its range. @param {Plan} plan @param {any} rule */
export function helpText({ label, kind }, rule) {
  const description = rule?.description && rule.description !== `${label}.` ? rule.description : "";
  return [description, kind === "number" ? rangeText(rule ?? {}) : ""].filter(Boolean).join(" ");
}

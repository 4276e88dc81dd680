/** What an attempt's environment tells: of the network, its weights and features, and of what it ran on. Pure. */

import { count, duration, isNumber } from "./format.js";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** "1.2 GiB", "340 MiB", "12 KiB", "17 bytes". @param {number} bytes */
export function size(bytes) {
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(1)} GiB`;
  if (bytes >= MIB) return `${count(Math.round(bytes / MIB))} MiB`;
  return bytes >= KIB ? `${count(Math.round(bytes / KIB))} KiB` : `${count(bytes)} bytes`;
}

/** Name and text of each fact; nothing where the attempt has not told yet.
 *  @param {Object<string, any>|null|undefined} environment @returns {[string, string][]} */
export function networkFacts(environment) {
  const { model, weights, features } = environment ?? {};
  /** @type {[string, string][]} */ const facts = [];
  if (weights) facts.push(["Weights", `${weights.about}, ${String(weights.sha256).slice(0, 12)}`]);
  if (features) facts.push(["Features", featureText(features)]);
  if (model) facts.push(["Changed", changesText(model.changes)], ["Trained", parametersText(model)]);
  if (isNumber(model?.mega_macs)) facts.push(["One image", `${Number(((2 * model.mega_macs) / 1000).toPrecision(3))} GFLOP forward`]);
  return facts;
}

/** @param {{path: string, before: string, after: string}[]} changes */
const changesText = (changes) => (changes.length ? changes.map(({ path, before, after }) => `${path}: ${before} → ${after}`).join("; ") : "nothing");

/** @param {{parameters_trained: number, parameters_frozen: number}} model */
function parametersText({ parameters_trained: trained, parameters_frozen: frozen }) {
  return frozen ? `${count(trained)} of ${count(trained + frozen)} parameters` : `all ${count(trained)} parameters`;
}

/** "layer2 of resnet18: 128 × 28 × 28, made in 3.2 s, 98 MiB, mean square 51,200". @param {any} features */
function featureText({ origin, arch, node, shape, bytes, seconds, mean_square_norm: square }) {
  const how = origin === "made" && isNumber(seconds) ? `made in ${duration(seconds)}` : origin;
  const parts = [`${node} of ${arch}: ${shape.join(" × ")}`, how, bytes ? size(bytes) : "", isNumber(square) ? `mean square ${Number(square.toPrecision(3))}` : ""];
  return parts.filter(Boolean).join(", ");
}

/** What the training ran on, in an order that people ask in; the names that are not known here come last, as they are. */
const TITLES = /** @type {Object<string, string>} */ ({
  device_name: "Device",
  device: "Kind of device",
  device_key: "Calibrated as",
  threads: "Threads",
  host: "Host",
  platform: "Platform",
  python: "Python",
  torch: "PyTorch",
  torchvision: "torchvision",
  cuda: "CUDA",
  cudnn: "cuDNN",
  precision: "Precision",
  compile: "Compiled",
  devices: "Devices",
  deterministic: "Deterministic",
  tf32_matmul: "TF32 in matrix products",
  tf32_convolution: "TF32 in convolutions",
  data: "Data set",
  data_hash: "Data content",
  test_set: "Test set",
  commit: "Commit",
  command: "Command",
});

const TOLD_ABOVE = new Set(["model", "weights", "features"]);
const HASH = /^[0-9a-f]{40}([0-9a-f]{24})?(?=\+|$)/;

/** What an attempt ran on, as names and texts; the network's facts stand above in words already. What does not apply is left out.
 *  @param {Object<string, any>|null|undefined} environment @returns {[string, string][]} */
export function machineFacts(environment) {
  const told = Object.entries(environment ?? {}).filter(([name, value]) => value !== null && !TOLD_ABOVE.has(name));
  const places = Object.keys(TITLES);
  const place = (/** @type {string} */ name) => (places.includes(name) ? places.indexOf(name) : places.length);
  return told.sort(([one], [other]) => place(one) - place(other)).map(([name, value]) => [TITLES[name] ?? name, factText(value)]);
}

/** What of an environment is not as in another; what was told of one alone counts.
 *  @param {Object<string, any>} environment @param {Object<string, any>|null|undefined} other @returns {[string, string][]} */
export function differingFacts(environment, other) {
  const known = new Map(machineFacts(other));
  return machineFacts(environment).filter(([name, text]) => known.get(name) !== text);
}

/** @param {any} value */
function factText(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object" && "used" in value && "why" in value) return `${value.used}: ${value.why}`; // what was decided
  if (typeof value === "object") return JSON.stringify(value);
  return String(value).replace(HASH, (hash) => hash.slice(0, 12)).replace(/\+changes$/, " + changes");
}

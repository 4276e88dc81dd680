/** What an attempt's environment tells of the network: what was changed in it, its weights, its features. Pure. */

import { count, duration, isNumber } from "./format.js";

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** "1.2 GiB", "340 MiB". @param {number} bytes */
export const size = (bytes) => (bytes >= GIB ? `${(bytes / GIB).toFixed(1)} GiB` : `${count(Math.max(1, Math.round(bytes / MIB)))} MiB`);

/** Name and text of each fact; nothing where the attempt has not told yet.
 *  @param {Object<string, any>|null|undefined} environment @returns {[string, string][]} */
export function networkFacts(environment) {
  const { model, weights, features } = environment ?? {};
  /** @type {[string, string][]} */ const facts = [];
  if (weights) facts.push(["Weights", `${weights.about}, ${String(weights.sha256).slice(0, 12)}`]);
  if (features) facts.push(["Features", featureText(features)]);
  if (model) facts.push(["Changed", changesText(model.changes)], ["Trained", parametersText(model)]);
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

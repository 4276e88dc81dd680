/** What a network starts from: the choices, how each is sent, and how it reads. Pure. */

import { REGRESSION } from "./launch-plan.js";

/** @typedef {import("./types.js").Spec} Spec */
/** @typedef {import("./types.js").Preset} Preset */
/** @typedef {{source: string, name: string, arch: string}} KnownWeights */
/** @typedef {{value: string, text: string}} Option */

/** A table of weights as the value of the select: "none", "imagenet", "preset:NAME", "file:NAME", "parent".
 *  @param {any} weights @param {string|null} startsFrom the preset whose run is the parent, where that is known */
export function startOf(weights, startsFrom) {
  if (!weights) return "none";
  const { source, name } = weights;
  if (source === "parent") return startsFrom ? `preset:${startsFrom}` : "parent";
  return source === "file" ? `file:${name}` : source;
}

/** What can be chosen for a network: a random start, ImageNet, what Runyard trains, files, any run.
 *  @param {{arch: string, presets: Preset[], known: KnownWeights[], base: any, usual: string}} of `base`: the weights
 *   that the launch starts from, `usual` as the value of the select
 *  @returns {Option[]} */
export function startOptions({ arch, presets, known, base, usual }) {
  const trained = presets.filter(({ name, pretraining, sizes }) => (pretraining && sizes.quick.model.arch === arch) || usual === `preset:${name}`);
  const files = known.filter((weights) => weights.source === "file" && weights.arch === arch).map(({ name }) => name);
  const wanted = usual.startsWith("file:") ? usual.slice(5) : null;
  return [
    { value: "none", text: "a random start" },
    ...(arch === REGRESSION ? [] : [{ value: "imagenet", text: hasImagenet(arch, known) ? "ImageNet weights" : "ImageNet weights (not here)" }]),
    ...(usual === "parent" ? [{ value: "parent", text: `the recipe ${base.parent.slice(0, 12)}` }] : []),
    ...trained.map(({ name, title }) => ({ value: `preset:${name}`, text: title })),
    ...files.map((name) => ({ value: `file:${name}`, text: `the file ${name}` })),
    ...(wanted && !files.includes(wanted) ? [{ value: usual, text: `the file ${wanted} (not here)` }] : []),
    { value: "run", text: "the last checkpoint of a run…" },
  ];
}

/** @param {string} arch @param {KnownWeights[]} known */
export const hasImagenet = (arch, known) => known.some((weights) => weights.source === "imagenet" && weights.arch === arch);

/** A choice as the spec's table of weights, with all that it needs.
 *  @param {{start: string, run?: number|null, rule?: string, seed?: number|null}} chosen @param {any} base the weights that the launch starts from */
export function weightsTable({ start, run, rule, seed }, base) {
  const [kind, name] = start.split(/:(.*)/s);
  const whose = rule === "fixed_seed" ? { rule, seed } : {};
  if (kind === "preset") return { source: "parent", preset: name, ...whose };
  if (kind === "parent") return { source: "parent", parent: base.parent, ...whose };
  if (kind === "run") return { run };
  return kind === "file" ? { source: "file", name } : { source: kind };
}

/** One sentence on what the training of a preset starts from. @param {Spec} spec @param {Preset|undefined} parent */
export function startSentence(spec, parent) {
  const { source, name } = spec.features?.weights ?? spec.model.weights ?? { source: "none" };
  const holder = spec.features ? `Features of ${spec.features.arch} with ` : "Starts from ";
  switch (source) {
    case "imagenet":
      return `${holder}ImageNet weights.`;
    case "parent":
      return `${holder}the weights of ${parent ? `“${parent.title}”` : "another run"}, which is trained first where it is missing.`;
    case "file":
      return `${holder}the file ${name}.`;
    default:
      return `${holder}${spec.model.init === "xavier_uniform" ? "a random start, Xavier uniform" : "a random start"}.`;
  }
}

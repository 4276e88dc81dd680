/** What a launch starts from: the choices of weights, how each is sent, and how it reads. Pure. */

/** @typedef {import("./types.js").Spec} Spec */
/** @typedef {import("./types.js").Preset} Preset */
/** @typedef {{source: string, name: string, arch: string}} KnownWeights */

/** The weights of a spec as the value of the select: "none", "imagenet", "preset:NAME", "file:NAME".
 *  @param {Spec} spec @param {string|null} startsFrom the preset whose run is the parent */
export function weightsValue(spec, startsFrom) {
  const { source, name } = weightsOf(spec);
  if (source === "parent") return startsFrom ? `preset:${startsFrom}` : "parent";
  return source === "file" ? `file:${name}` : source;
}

/** @param {Spec} spec */
export const weightsOf = (spec) => spec.features?.weights ?? spec.model.weights ?? { source: "none" };

/** What can be chosen for a network: a random start, ImageNet, what Runyard pretrains, files that were imported.
 *  @param {string} arch @param {Preset[]} presets @param {KnownWeights[]} known
 *  @returns {{value: string, text: string}[]} */
export function weightsChoices(arch, presets, known) {
  const pretrained = presets.filter((preset) => preset.pretraining && preset.sizes.quick.model.arch === arch);
  const files = known.filter((weights) => weights.source === "file" && weights.arch === arch);
  return [
    { value: "none", text: "A random start" },
    { value: "imagenet", text: hasImagenet(arch, known) ? "ImageNet weights" : "ImageNet weights (not here)" },
    ...pretrained.map(({ name, title }) => ({ value: `preset:${name}`, text: title })),
    ...files.map(({ name }) => ({ value: `file:${name}`, text: `The file ${name}` })),
  ];
}

/** @param {string} arch @param {KnownWeights[]} known */
export const hasImagenet = (arch, known) => known.some((weights) => weights.source === "imagenet" && weights.arch === arch);

/** A value of the select as the spec's table of weights; a preset stands for the run of its recipe.
 *  @param {string} value */
export function weightsTable(value) {
  const [kind, name] = value.split(/:(.*)/s);
  if (kind === "preset") return { source: "parent", preset: name };
  return kind === "file" ? { source: "file", name } : { source: kind };
}

/** One sentence on what the training of a preset starts from. @param {Spec} spec @param {Preset|undefined} parent */
export function startSentence(spec, parent) {
  const { source, name } = weightsOf(spec);
  const holder = spec.features ? `Features of ${spec.features.arch} with ` : "Starts from ";
  switch (source) {
    case "imagenet":
      return `${holder}ImageNet weights.`;
    case "parent":
      return `${holder}the weights of ${parent ? `“${parent.title}”` : "another run"} with the same seed, which is trained first where it is missing.`;
    case "file":
      return `${holder}the file ${name}.`;
    default:
      return `${holder}${spec.model.init === "xavier_uniform" ? "a random start, Xavier uniform" : "a random start"}.`;
  }
}

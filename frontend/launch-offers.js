/** What the fields of the launch page offer: data sets, models, weights and nodes, as they are here now. */

import { get } from "./api.js";
import { element, setText } from "./dom.js";
import { count } from "./format.js";
import { REGRESSION } from "./launch-plan.js";
import { valueAt } from "./launch-request.js";
import { startOf, startOptions } from "./launch-weights.js";

/** @typedef {{datasets: import("./types.js").Dataset[], weights: import("./launch-weights.js").KnownWeights[]}} Shelf what is here */
/** @typedef {Map<string, import("./launch-field.js").Field>} Fields */
/** @typedef {import("./launch-request.js").Base} Base */

/** A data set can be used where it was imported or makes itself. @param {import("./types.js").Dataset|undefined} dataset */
export const isHere = (dataset) => Boolean(dataset && (dataset.builtin || dataset.hash));

/** @param {{fields: Fields, models: string[], presets: import("./types.js").Preset[], nodes: HTMLElement}} options
 *  `nodes` is the list of suggestions of a node */
export function createOffers({ fields, models, presets, nodes }) {
  /** The network whose nodes are offered or asked for. */
  let nodesOf = "";
  /** @type {Shelf} */ let shelf = { datasets: [], weights: [] };
  const field = (/** @type {string} */ path) => /** @type {import("./launch-field.js").Field} */ (fields.get(path));
  const first = (/** @type {string} */ path) => field(path).texts()[0] ?? "";

  field("model.arch").offer(models.map((value) => ({ value, text: value })));
  field("features.arch").offer([{ value: "", text: "none: the images" }, ...models.filter((name) => name !== REGRESSION).map((value) => ({ value, text: value }))]);

  /** The data set that is wanted is in the list even where it is not here. @param {Base} base */
  const offerDatasets = (base) => {
    const names = [...new Set([...shelf.datasets.map(({ name }) => name), base.spec.dataset.name, ...field("dataset.name").texts()])].filter(Boolean);
    field("dataset.name").offer(names.map((value) => ({ value, text: isHere(known(value)) ? value : `${value} (not here)` })));
  };
  const known = (/** @type {string} */ name) => shelf.datasets.find((dataset) => dataset.name === name);

  /** @param {"model"|"features"} holder @param {Base} base */
  const offerStarts = (holder, base) => {
    const archs = field(`${holder}.arch`).texts();
    const weights = valueAt(base.spec, `${holder}.weights`);
    const usual = startOf(weights, base.startsFrom);
    const fits = archs.length === 1 && archs[0] === valueAt(base.spec, `${holder}.arch`);
    const found = startOptions({ arch: archs[0] ?? "", presets, known: shelf.weights, base: weights, usual: fits ? usual : "none" });
    // Of several networks only what each of them has.
    field(`${holder}.weights`).offer(archs.length > 1 ? found.filter(({ value }) => value === "none" || value === "imagenet") : found);
  };

  /** @type {boolean|null} */ let saysAway = null;
  const factsLine = element("span");

  const tellDataset = () => {
    const names = field("dataset.name").texts();
    const found = names.length === 1 ? known(names[0]) : undefined;
    const facts = found ? `${found.title}: ${count(found.train_count)} training and ${count(found.test_count)} test images, ${found.pixels} px.` : "";
    const away = names.some((name) => !isHere(known(name)));
    if (away !== saysAway) field("dataset.name").tell(away ? "Not here yet: the command stands beside the launch button." : factsLine);
    saysAway = away;
    setText(factsLine, facts);
    field("dataset.image_size").input.placeholder = found ? `as stored: ${found.pixels}` : "as stored";
    field("dataset.train_limit").input.placeholder = found ? `all ${count(found.train_count)}` : "all";
    field("dataset.test_limit").input.placeholder = found ? `all ${count(found.test_count)}` : "all";
  };

  /** The nodes of the network that makes the features, with their shapes. */
  const offerNodes = async () => {
    const arch = first("features.arch");
    if (!arch || nodesOf === arch) return;
    nodesOf = arch;
    const { nodes: found } = await get(`/api/models/${arch}/nodes`).catch(() => ({ nodes: null })); // then the name is typed
    if (nodesOf !== arch) return; // another network was chosen in the meantime
    if (!found) nodesOf = ""; // and it is asked for with the next change
    nodes.replaceChildren(...Object.entries(found ?? {}).map(([value, shape]) => element("option", { value, label: [shape].flat().join(" × ") })));
  };

  return {
    /** @param {Shelf} found */
    take(found) {
      shelf = found;
    },
    /** Offer anew what depends on the base and on other fields. @param {Base} base */
    follow(base) {
      offerDatasets(base);
      offerStarts("model", base);
      offerStarts("features", base);
      tellDataset();
      void offerNodes();
    },
  };
}

/** Where a launch starts: the cards of the presets by section, the rest behind a line; and the sizes. */

import { element } from "./dom.js";

/** @typedef {import("./types.js").Preset} Preset */

const SECTIONS = /** @type {Object<string, string>} */ ({ 1: "1 AlexNet", 2: "2 ResNet-18 and VGG16", 3: "3 Softmax regression" });
const SIZES = [{ value: "quick", title: "Quick" }, { value: "published", title: "As published" }];

/** The groups of presets: those of the report's sections first, then what stands behind "More presets". Pure.
 *  @param {Preset[]} presets @returns {{title: string, more: boolean, presets: Preset[]}[]} */
export function presetGroups(presets) {
  const plain = presets.filter(({ corrects, pretraining }) => !corrects && !pretraining);
  const chapters = [...new Set(plain.map(({ section }) => section.split(".")[0]))];
  const groups = [
    ...chapters.map((chapter) => ({ title: SECTIONS[chapter] ?? "Others", more: false, presets: plain.filter(({ section }) => section.split(".")[0] === chapter) })),
    { title: "Corrected twins", more: true, presets: presets.filter(({ corrects }) => corrects) },
    { title: "Pretraining", more: true, presets: presets.filter(({ corrects, pretraining }) => pretraining && !corrects) },
  ];
  return groups.filter((group) => group.presets.length);
}

/** @param {Preset[]} presets @returns {any} the fieldset of presets */
export function createPresets(presets) {
  const groups = presetGroups(presets);
  const nodes = (/** @type {boolean} */ more) => groups.filter((group) => group.more === more).map(createGroup);
  const rest = element("details", { class: "more-presets" }, element("summary", { text: "More presets" }), ...nodes(true));
  return element("fieldset", {}, element("legend", { text: "Preset" }), ...nodes(false), ...(rest.children.length > 1 ? [rest] : []));
}

/** Two sizes beside each other. @returns {any} the fieldset */
export function createSizes() {
  const segments = SIZES.map(({ value, title }) => element("label", {}, element("input", { type: "radio", name: "size", value }), title));
  return element("fieldset", {}, element("legend", { text: "Size" }), element("div", { class: "segments" }, ...segments));
}

/** @param {{title: string, presets: Preset[]}} group */
function createGroup({ title, presets }) {
  const cards = presets.map(({ name, title: text, section, corrects }) =>
    element("label", { class: "preset" }, element("input", { type: "radio", name: "preset", value: name }), element("span", {}, element("b", { text }), element("span", { text: noteOf(section, corrects) }))),
  );
  return element("div", { class: "preset-group", role: "group", "aria-label": title }, element("p", { class: "preset-chapter", text: title }), element("div", { class: "presets" }, ...cards));
}

/** @param {string} section @param {string|null} corrects */
const noteOf = (section, corrects) => (corrects ? `Twin of ${section}` : section ? `Section ${section} of the report` : "Trained before the fine-tuned ones");

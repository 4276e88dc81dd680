/** The look of a recipe wherever it is named: its colour, and beyond eight its dashes. */

import { element } from "./dom.js";

const COLOURS = 8;
const DASHES = ["solid", "7px,3px", "2px,3px", "9px,3px,2px,3px"];

export const SERIES_TOKENS = Array.from({ length: COLOURS }, (_, index) => `series-${index + 1}`);

/** @param {number} index of the recipe's colour @returns {{token: string, dash: string, pattern: number}} */
export function lookOf(index) {
  const pattern = Math.floor(index / COLOURS) % DASHES.length;
  return { token: SERIES_TOKENS[index % COLOURS], dash: DASHES[pattern], pattern };
}

/** @param {number} index */
export function swatch(index) {
  const node = element("i", { class: "swatch", "aria-hidden": "true" });
  paint(node, index);
  return node;
}

/** @param {HTMLElement} node a swatch @param {number} index */
export function paint(node, index) {
  const { token, pattern } = lookOf(index);
  node.style.color = `var(--${token})`;
  node.dataset.pattern = String(pattern);
}

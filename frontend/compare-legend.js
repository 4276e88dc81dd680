/** The legend: a button for each recipe that hides and shows its lines. */

import { paint, swatch } from "./compare-series.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";

/** @typedef {import("./compare-model.js").Item} Item */

/** @param {{onToggle: (recipe: string) => void}} options */
export function createLegend({ onToggle }) {
  const list = createList(byId("legend"), ({ item }) => item.recipe, ({ item: { recipe } }) => {
    const mark = swatch(0);
    const text = element("span");
    const button = element("button", { type: "button", class: "legend-item", "data-recipe": recipe, title: "Hide or show its lines", onclick: () => onToggle(recipe) }, mark, text);
    const update = (/** @type {{item: Item, colour: number, hidden: boolean}} */ { item, colour, hidden }) => {
      paint(mark, colour);
      setText(text, item.label);
      setAttribute(button, "aria-pressed", String(!hidden));
    };
    return { node: button, update };
  });
  /** @param {Item[]} items @param {(recipe: string) => number} colourOf @param {Set<string>} hidden */
  return (items, colourOf, hidden) => list(items.map((item) => ({ item, colour: colourOf(item.recipe), hidden: hidden.has(item.recipe) })));
}

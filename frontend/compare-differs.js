/** What differs: recipes as columns, or where there is no room for these as rows; what is the same behind a toggle. */

import { swatch } from "./compare-series.js";
import { byId, createFact, createList, element, setText } from "./dom.js";
import { counted } from "./format.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {(recipe: string) => number} ColourOf */

const NARROW = matchMedia("(max-width: 760px)");
const MOST_COLUMNS = 6;

/** The value that more than half of the recipes have in common; undefined where none is. Pure. @param {Object<string, string>} by */
export function usualOf(by) {
  /** @type {Map<string, number>} */ const counts = new Map();
  const values = Object.values(by);
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].find(([, count]) => count * 2 > values.length)?.[0];
}

export function createDiffers() {
  let drawn = "";
  /** @type {{answer: Answer, colourOf: ColourOf}|null} */ let shown = null;
  const facts = createList(byId("same"), ([title], index) => `${index} ${title}`, createFact);

  const show = () => {
    if (!shown) return;
    const { answer, colourOf } = shown;
    const { items, differs, same } = answer;
    const transposed = NARROW.matches || items.length > MOST_COLUMNS;
    byId("differs").hidden = !differs.length;
    byId("differs-none").hidden = Boolean(differs.length);
    setText(byId("differs-none"), items.length > 1 ? "Nothing but the seeds." : "One recipe: nothing to differ from.");
    setText(byId("same-title"), `${counted(same.length, "field")} ${same.length === 1 ? "is" : "are"} the same`);
    facts(same.map(({ title, value }) => [title, value]));
    // Recipes do not change while they are looked at: most answers leave the table as it stands.
    const key = JSON.stringify([transposed, items.map(({ recipe, label }) => [recipe, label, colourOf(recipe)]), differs]);
    if (key === drawn) return;
    drawn = key;
    const heads = items.map((item) => element("th", { scope: transposed ? "row" : "col" }, swatch(colourOf(item.recipe)), item.label));
    const titles = differs.map(({ title }) => element("th", { scope: transposed ? "col" : "row", text: title }));
    const values = differs.map(({ values: by }) => {
      const usual = usualOf(by);
      return items.map(({ recipe }) => element("td", { class: usual !== undefined && by[recipe] !== usual ? "own" : null, text: by[recipe] }));
    });
    const rows = transposed ? items.map((_, n) => [heads[n], ...values.map((row) => row[n])]) : titles.map((title, n) => [title, ...values[n]]);
    const corner = element("th", { scope: "col" }, element("span", { class: "spoken", text: transposed ? "Recipe" : "Field" }));
    byId("differs").replaceChildren(
      element("thead", {}, element("tr", {}, corner, ...(transposed ? titles : heads))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row))),
    );
  };

  NARROW.addEventListener("change", show);
  /** @param {Answer} answer @param {ColourOf} colourOf */
  return (answer, colourOf) => {
    shown = { answer, colourOf };
    show();
  };
}

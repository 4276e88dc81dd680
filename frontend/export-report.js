/** The menu "Export" of the report page: the whole report, its tables together or one alone, and the figure of that one. */

import { saveFigure } from "./export-figure.js";
import { createExportMenu } from "./export-menu.js";
import { reportGroups, tablesOf, wholeGroups } from "./export-model.js";
import { experiments, referenceWishes } from "./report-model.js";
import { versus } from "./report-theme.js";

/** @typedef {import("./report-types.js").View} View */

/** @param {Element} place @param {() => View|null} view what is on the page; the menu is of no use before there is one */
export function createReportExport(place, view) {
  const groups = (/** @type {import("./export-menu.js").Table|null} */ table) => {
    const shown = view();
    return shown ? reportGroups(shown.name, queryOf(shown), table) : [];
  };
  const whole = () => {
    const shown = view();
    return shown ? wholeGroups(shown.name, queryOf(shown)) : [];
  };
  const tables = () => {
    const shown = view();
    return shown ? tablesOf(shown) : [];
  };
  const save = async (/** @type {"svg"|"png"} */ format, /** @type {import("./export-menu.js").Table|null} */ table) => {
    const shown = view();
    const block = shown && experiments(shown).find(({ id }) => id === table?.id);
    if (!block) return;
    const plot = document.querySelector(`.plot[data-figure="${CSS.escape(block.id)}"]`);
    const family = getComputedStyle(document.body).fontFamily;
    await saveFigure(plot, `${block.id} ${block.title}`, format, (tokens) => versus(block.figure, { tokens, family }));
  };
  place.append(createExportMenu({ groups, whole, tables, saveFigure: save }));
}

/** The variant and the references of a view, so that what is exported is what is shown, whatever is trained meanwhile.
 *  @param {View} view */
function queryOf({ variant: { size, dataset, pretraining, seed }, references }) {
  const query = new URLSearchParams({ size, dataset, pretraining, seed: String(seed) });
  for (const wish of referenceWishes(references.shown)) query.append("reference", wish);
  return query;
}

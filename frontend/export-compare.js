/** The menu "Export" of the Compare page: it asks for what the address says, as the page itself does. */

import { askedOf, METRICS, parseView } from "./compare-view.js";
import { byId } from "./dom.js";
import { saveFigure } from "./export-figure.js";
import { createExportMenu } from "./export-menu.js";
import { comparisonGroups } from "./export-model.js";

/** @param {Element} place */
export function createComparisonExport(place) {
  const view = () => parseView(location.search);
  const groups = () => {
    const { value, target } = view();
    const query = askedOf(view());
    if (value !== "last") query.set("value", value);
    if (target !== null) query.set("target", String(target));
    return comparisonGroups(query);
  };
  const save = (/** @type {"svg"|"png"} */ format) => saveFigure(byId("plot"), METRICS.find(({ name }) => name === view().metric)?.title ?? "Curves", format);
  place.append(createExportMenu({ groups, saveFigure: save }));
}

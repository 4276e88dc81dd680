/** The panel of a sweep: accuracy over one numeric field, or all numeric fields as parallel coordinates. */

import { SERIES_TOKENS } from "./compare-series.js";
import { numericFields, parallelOf, scatterOf } from "./compare-sweep-model.js";
import { byId, element, setAttribute } from "./dom.js";
import { createIdleDrawing } from "./plotly-drawing.js";
import { CONFIG } from "./plotly-load.js";
import { readTokens } from "./plotly-theme.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {import("./compare-view.js").View} View */

const TOKENS = ["surface", "line", "text", "muted", ...SERIES_TOKENS];

/** @param {{onChosen: (changes: Partial<View>) => void}} options */
export function createSweep({ onChosen }) {
  const [panel, plot, by] = ["sweep", "sweep-plot", "sweep-by"].map(byId);
  const kinds = /** @type {const} */ (["scatter", "parallel"]);
  let tokens = readTokens(TOKENS);
  let offered = "";
  /** @type {{answer: Answer, view: View, colourOf: (recipe: string) => number}|null} */ let shown = null;

  const drawing = createIdleDrawing((Plotly) => {
    if (!shown || !panel.open) return;
    const { answer, view, colourOf } = shown;
    const look = { tokens, family: getComputedStyle(document.body).fontFamily, colourOf, hidden: view.hidden };
    const figure = view.sweep === "parallel" ? parallelOf(answer, look) : scatterOf(answer, by.value, look);
    Plotly.react(plot, figure.data, figure.layout, CONFIG);
  }, (problem) => plot.replaceChildren(problem.message));

  const draw = () => {
    if (!shown || !panel.open) return;
    void drawing.start();
    drawing.soon();
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    tokens = readTokens(TOKENS);
    draw();
  });
  panel.addEventListener("toggle", () => {
    if (panel.open !== Boolean(shown?.view.sweep)) onChosen({ sweep: panel.open ? "scatter" : "" });
    draw();
  });
  by.addEventListener("change", () => onChosen({ by: by.value }));
  for (const kind of kinds) byId(`sweep-${kind}`).addEventListener("click", () => onChosen({ sweep: kind }));

  /** @param {Answer} answer @param {View} view @param {(recipe: string) => number} colourOf */
  return (answer, view, colourOf) => {
    shown = { answer, view, colourOf };
    const fields = numericFields(answer);
    byId("sweep-section").hidden = !fields.length;
    const key = JSON.stringify(fields.map(({ path }) => path));
    if (key !== offered) by.replaceChildren(...fields.map(({ path, title }) => element("option", { value: path, text: title })));
    offered = key;
    if (fields.length) by.value = fields.some(({ path }) => path === view.by) ? view.by : fields[0].path;
    if (view.sweep && !panel.open) panel.open = true;
    byId("sweep-field").hidden = view.sweep === "parallel";
    for (const kind of kinds) setAttribute(byId(`sweep-${kind}`), "aria-pressed", String(view.sweep === kind || (kind === "scatter" && !view.sweep)));
    draw();
  };
}

/** The curves of the comparison: plotly.js comes when the page is idle; new points never reset a zoom. */

import { linesOf } from "./compare-curves.js";
import { SERIES_TOKENS } from "./compare-series.js";
import { figureOf } from "./compare-theme.js";
import { METRICS } from "./compare-view.js";
import { byId } from "./dom.js";
import { counted, NOT_FINITE } from "./format.js";
import { members } from "./members.js";
import { createIdleDrawing } from "./plotly-drawing.js";
import { CONFIG } from "./plotly-load.js";
import { readTokens } from "./plotly-theme.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {import("./compare-view.js").View} View */

const MOST_GAPS = 24;
const TOKENS = ["surface", "line", "text", "muted", ...SERIES_TOKENS];

export function createFigure() {
  const plot = byId("plot");
  let tokens = readTokens(TOKENS);
  /** @type {{answer: Answer, view: View, colourOf: (recipe: string) => number}|null} */ let shown = null;

  const draw = (/** @type {any} */ Plotly) => {
    if (!shown) return;
    const { data, layout } = figure(shown, tokens);
    const empty = !data.some(({ y }) => y.length);
    byId("plot-waits").hidden = !empty;
    byId("plot-waits").textContent = shown.answer.items.every(({ recipe }) => shown?.view.hidden.has(recipe)) ? "All recipes are hidden" : "Waits for the first epoch";
    Plotly.react(plot, data, layout, CONFIG);
  };

  const drawing = createIdleDrawing(draw, (problem) => {
    byId("plot-waits").textContent = problem.message;
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    tokens = readTokens(TOKENS);
    drawing.soon();
  });

  /** @param {Answer} answer @param {View} view @param {(recipe: string) => number} colourOf */
  return (answer, view, colourOf) => {
    shown = { answer, view, colourOf };
    void drawing.start();
    drawing.soon();
  };
}

/** @param {{answer: Answer, view: View, colourOf: (recipe: string) => number}} shown @param {Object<string, string>} tokens */
function figure({ answer, view, colourOf }, tokens) {
  const seen = answer.items.filter(({ recipe }) => !view.hidden.has(recipe));
  const runsOf = (/** @type {string} */ recipe) => answer.runs.filter((run) => run.recipe === recipe);
  const isDrawn = (/** @type {{id: number}} */ { id }) => Boolean(answer.series[id]?.[view.metric]?.epochs.length);
  const curves = new Map(answer.runs.flatMap(({ id }) => (answer.series[id]?.[view.metric] ? [[id, answer.series[id][view.metric]]] : [])));
  const labels = new Map(answer.items.map((item) => [item.recipe, item.label]));
  return figureOf(
    seen.flatMap(({ recipe }) => linesOf(recipe, runsOf(recipe), curves, view)),
    {
      tokens,
      family: getComputedStyle(document.body).fontFamily,
      metric: view.metric,
      title: METRICS.find(({ name }) => name === view.metric)?.title ?? view.metric,
      x: view.x,
      epochs: Math.max(1, ...answer.items.map(({ epochs }) => epochs)),
      colourOf,
      labelOf: (recipe, run) => labels.get(recipe) + (run === null ? `, mean of ${counted(members(runsOf(recipe).filter(isDrawn)).length, "seed")}` : ""),
      gaps: seen.flatMap(({ recipe, label }) => runsOf(recipe).flatMap(({ id }) => gapsOf(curves.get(id), view, recipe, `${label}, run ${id}`))).slice(0, MOST_GAPS),
    },
  );
}

/** Where a value is no number, with the word for it. @param {import("./compare-curves.js").Curve|undefined} curve
 *  @param {View} view @param {string} recipe @param {string} whose */
function gapsOf(curve, view, recipe, whose) {
  return Object.entries(curve?.nonfinite ?? {}).flatMap(([epoch, word]) => {
    const place = curve?.epochs.indexOf(Number(epoch)) ?? -1;
    const x = view.x === "epoch" ? Number(epoch) : curve?.seconds[place];
    return typeof x === "number" ? [{ x, recipe, word, label: `${whose}: ${NOT_FINITE[word] ?? word} at epoch ${epoch}` }] : [];
  });
}

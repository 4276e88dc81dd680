/** The curves of the comparison: plotly.js comes when the page is idle; new points never reset a zoom. */

import { linesOf, placesOf } from "./compare-curves.js";
import { SERIES_TOKENS } from "./compare-series.js";
import { figureOf } from "./compare-theme.js";
import { METRICS } from "./compare-view.js";
import { byId, setText } from "./dom.js";
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
    showHint(shown, data);
    const empty = !data.some(({ x }) => x.some((/** @type {any} */ place) => place !== null));
    byId("plot-waits").hidden = !empty;
    byId("plot-waits").textContent = shown.answer.items.every(({ recipe }) => shown?.view.hidden.has(recipe)) ? "All recipes are hidden" : whyEmpty(shown);
    plot.dataset.drawn = String(data.length);
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

/** @param {{answer: Answer, view: View}} shown */
function whyEmpty({ answer, view }) {
  const loaded = answer.runs.every(({ id }) => answer.series[id]?.[view.metric]);
  if (!loaded) return "Loading the curves…";
  return answer.runs.some(({ epoch }) => epoch) ? "Nothing is known of this metric" : "Waits for the first epoch";
}

/** What lines and bands are, as far as there are any. @param {{answer: Answer, view: View}} shown @param {any[]} data */
function showHint({ answer, view }, data) {
  const kinds = new Set(data.map(({ meta }) => meta.kind));
  const isMean = data.some(({ meta }) => meta.kind === "main" && meta.run === null);
  const isThinned = answer.runs.some(({ id }) => answer.series[id]?.[view.metric]?.thinned);
  const parts = [
    "Drag to zoom, double-click to reset",
    isMean && (kinds.has("band") ? "line: mean over seeds; band: its 95% interval (Student’s t), of two seeds both values" : "bold: mean over seeds"),
    kinds.has("faint") && "faint: before smoothing",
    isThinned && "long curves are drawn by the lowest and highest value of each stretch",
  ];
  setText(byId("curves-hint"), parts.filter(Boolean).join(" · "));
}

/** @param {{answer: Answer, view: View, colourOf: (recipe: string) => number}} shown @param {Object<string, string>} tokens */
function figure({ answer, view, colourOf }, tokens) {
  const seen = answer.items.filter(({ recipe }) => !view.hidden.has(recipe));
  const byRecipe = Map.groupBy(answer.runs, (run) => run.recipe);
  const runsOf = (/** @type {string} */ recipe) => byRecipe.get(recipe) ?? [];
  const isDrawn = (/** @type {{id: number}} */ { id }) => Boolean(answer.series[id]?.[view.metric]?.epochs.length);
  const curves = new Map(answer.runs.flatMap(({ id }) => (answer.series[id]?.[view.metric] ? [[id, answer.series[id][view.metric]]] : [])));
  const labels = new Map(answer.items.map((item) => [item.recipe, item.label]));
  return figureOf(
    seen.flatMap(({ recipe, images_an_epoch: images }) => linesOf(recipe, runsOf(recipe), curves, view, images)),
    {
      tokens,
      family: getComputedStyle(document.body).fontFamily,
      metric: view.metric,
      title: METRICS.find(({ name }) => name === view.metric)?.title ?? view.metric,
      x: view.x,
      epochs: Math.max(1, ...answer.items.map(({ epochs }) => epochs)),
      colourOf,
      labelOf: (recipe, run) => labels.get(recipe) + (run === null ? `, mean of ${counted(members(runsOf(recipe).filter(isDrawn)).length, "seed")}` : ""),
      gaps: seen.flatMap(({ recipe, label, images_an_epoch: images }) => runsOf(recipe).flatMap(({ id }) => gapsOf(curves.get(id), view, recipe, `${label}, run ${id}`, images))).slice(0, MOST_GAPS),
    },
  );
}

/** Where a value is no number, with the word for it. @param {import("./compare-curves.js").Curve|undefined} curve
 *  @param {View} view @param {string} recipe @param {string} whose @param {number|null} images that an epoch trains on */
function gapsOf(curve, view, recipe, whose, images) {
  const gaps = Object.entries(curve?.nonfinite ?? {});
  if (!curve || !gaps.length) return [];
  const places = placesOf(curve, view.x, images);
  return gaps.flatMap(([epoch, word]) => {
    const x = places[curve.epochs.indexOf(Number(epoch))];
    return typeof x === "number" ? [{ x, recipe, word, label: `${whose}: ${NOT_FINITE[word] ?? word} at epoch ${epoch}` }] : [];
  });
}

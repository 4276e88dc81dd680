/** From lines to a Plotly figure with the page's colours. Pure. */

import { lookOf } from "./compare-series.js";
import { isNumber, NOT_FINITE } from "./format.js";
import { sheet } from "./plotly-theme.js";

/** @typedef {import("./compare-curves.js").Line} Line */
/** @typedef {{tokens: Object<string, string>, family: string, metric: string, title: string, x: import("./compare-view.js").Axis, epochs: number,
 *    colourOf: (recipe: string) => number, labelOf: (recipe: string, run: number|null) => string,
 *    gaps: {x: number, recipe: string, word: string, label: string}[]}} Look epochs: as many as the longest run is planned to have */

const MOST_MARKED = 40;
const MOST_UNIFIED = 12;
const WIDTHS = { main: 2.4, faint: 1.2, seed: 1.1, band: 0 };
const OPACITIES = { main: 1, faint: 0.32, seed: 0.42, band: 0.18 };
/** Of so many lines each is drawn thinner: they lie over each other. */
const MANY_LINES = 40;
const THIN = 1.2;
const UNITS = [
  { name: "h", seconds: 3600, from: 10 * 3600 },
  { name: "min", seconds: 60, from: 600 },
  { name: "s", seconds: 1, from: 0 },
];

/** @param {Line[]} lines @param {Look} look */
export function figureOf(lines, look) {
  const unit = unitOf(lines);
  const scale = look.x === "seconds" ? unit.seconds : 1;
  const mains = lines.filter(({ kind }) => kind === "main").length;
  const width = mains > MANY_LINES ? THIN : WIDTHS.main;
  return { data: lines.map((line) => trace(line, look, scale, width)), layout: layout(look, unit.name, mains > MOST_UNIFIED, scale) };
}

/** @param {Line[]} lines */
function unitOf(lines) {
  const longest = Math.max(0, ...lines.map(({ x }) => x.findLast(isNumber) ?? 0));
  return /** @type {typeof UNITS[0]} */ (UNITS.find(({ from }) => longest >= from));
}

/** @param {Line} line @param {Look} look @param {number} scale seconds in a unit of the axis @param {number} width of a main line */
function trace(line, look, scale, width) {
  const { token, dash } = lookOf(look.colourOf(line.recipe));
  const colour = look.tokens[token];
  const isMain = line.kind === "main";
  const marked = isMain && look.epochs <= MOST_MARKED;
  return {
    type: "scatter",
    name: look.labelOf(line.recipe, line.run),
    meta: { recipe: line.recipe, run: line.run, kind: line.kind },
    x: scale === 1 ? line.x : line.x.map((value) => (isNumber(value) ? value / scale : null)),
    y: line.y,
    connectgaps: false,
    // A lone epoch, or one between gaps, has no line to be seen by.
    mode: marked ? "lines+markers" : "lines",
    ...(line.kind === "band" ? { fill: "toself", fillcolor: colour } : {}),
    line: { color: colour, width: isMain ? width : WIDTHS[line.kind], dash: line.kind === "band" ? "solid" : dash },
    marker: { color: colour, size: 5 },
    opacity: OPACITIES[line.kind],
    hoverinfo: isMain ? "all" : "skip",
    hovertemplate: isMain ? `%{y:${isShare(look.metric) ? ".2%" : ".4~g"}}` : undefined,
  };
}

/** @param {Look} look @param {string} unit @param {boolean} many more lines than a common label can hold @param {number} scale */
function layout({ tokens, family, metric, title, x, epochs, gaps, colourOf }, unit, many, scale) {
  const axis = { gridcolor: tokens.line, linecolor: tokens.line, zeroline: false, automargin: true };
  const titled = (/** @type {string} */ text) => ({ text, standoff: 8, font: { size: 12, color: tokens.muted } });
  const spike = { spikecolor: tokens.muted, spikethickness: 1, spikedash: "dot" };
  const epochAxis = { range: [0.5, epochs + 0.5], tickformat: "d", unifiedhovertitle: { text: "Epoch %{x}" }, ...(epochs <= 12 ? { tick0: 1, dtick: 1 } : {}) };
  return {
    // A zoom is of one metric over one axis: new points and more smoothing leave it.
    ...sheet({ tokens, family, revision: `${metric} by ${x}`, left: 60 }),
    hovermode: x === "epoch" && !many ? "x unified" : "closest",
    xaxis: { ...axis, ...spike, showgrid: false, title: titled(x === "epoch" ? "Epoch" : x === "images" ? "Training images seen" : `Training time, ${unit}`), ...(x === "epoch" ? epochAxis : { rangemode: "tozero", hoverformat: x === "images" ? ",.0f" : ".3~g" }) },
    yaxis: { ...axis, title: titled(isShare(metric) ? title : `${title}, nats`), tickformat: isShare(metric) ? ".0~%" : "~g" },
    annotations: gaps.map(({ x: place, recipe, word, label }, row) => ({
      x: place / scale,
      y: 0.04 + (row % 6) * 0.06,
      yref: "paper",
      text: NOT_FINITE[word] ?? word,
      hovertext: label,
      showarrow: false,
      font: { color: tokens[lookOf(colourOf(recipe)).token], size: 11 },
    })),
  };
}

/** @param {string} metric */
const isShare = (metric) => metric.endsWith("_acc");

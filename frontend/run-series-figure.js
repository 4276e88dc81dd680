/** From long series to a Plotly figure with the page's colours. Pure. */

import { isNumber } from "./format.js";
import { sheet } from "./plotly-theme.js";
import { wordOf } from "./run-series-model.js";

/** @typedef {import("./run-series-model.js").Dense} Dense */
/** @typedef {import("./run-series-model.js").Chart & {lines: Dense[]}} Drawn */
/** @typedef {{name: string, seconds: number, from: number}} Unit */
/** @typedef {{by: "step"|"second", tokens: Object<string, string>, family: string, revision: string}} Look */

const MOST_MARKED = 40;
const GIB = 2 ** 30;

const COLOURS = /** @type {Object<string, string>} */ ({
  step_loss: "series-1",
  step_lr: "series-3",
  step_gradient_norm: "series-4",
  gpu_load: "series-1",
  gpu_memory_bytes: "series-1",
  gpu_watts: "series-4",
  cpu_load: "series-2",
  process_memory_bytes: "series-2",
  process_cpus: "series-3",
});

/** What the GPU's share is drawn beside is dashed as well: colour is never the only difference. */
const DASHED = new Set(["cpu_load", "process_memory_bytes"]);

const UNITS = /** @type {Unit[]} */ ([
  { name: "h", seconds: 3600, from: 10 * 3600 },
  { name: "min", seconds: 60, from: 600 },
  { name: "s", seconds: 1, from: 0 },
]);

/** @param {string} series */
export const colourOf = (series) => COLOURS[series] ?? "series-1";

/** Whether it is dashed: only where it is not alone. @param {string} series @param {Drawn} chart */
export const isDashed = (series, chart) => chart.lines.length > 1 && DASHED.has(series);

/** @param {Drawn} chart @param {Look} look */
export function figureOf(chart, look) {
  const unit = look.by === "second" ? unitOf(chart.lines) : null;
  return { data: chart.lines.map((line) => trace(line, chart, look, unit)), layout: layout(chart, look, unit) };
}

/** The unit of time in which the longest series is short to write. @param {Dense[]} lines */
export function unitOf(lines) {
  const longest = Math.max(0, ...lines.map(({ positions }) => positions.at(-1) ?? 0));
  return /** @type {Unit} */ (UNITS.find(({ from }) => longest >= from));
}

/** @param {Dense} line @param {Drawn} chart @param {Look} look @param {Unit|null} unit */
function trace({ name, title, positions, values }, chart, { tokens }, unit) {
  const colour = tokens[colourOf(name)];
  const marked = positions.length <= MOST_MARKED;
  return {
    type: "scatter",
    name: title,
    meta: { series: name },
    x: unit ? positions.map((second) => second / unit.seconds) : positions,
    y: chart.kind === "bytes" ? values.map((value) => (isNumber(value) ? value / GIB : null)) : values,
    connectgaps: false,
    mode: marked ? "lines+markers" : "lines", // a lone value, or one between gaps, has no line to be seen by
    line: { color: colour, width: marked ? 2 : 1.4, dash: isDashed(name, chart) ? "4px,3px" : "solid" },
    marker: { color: colour, size: 5 },
    hovertemplate: `%{y:${{ number: ".4~g", share: ".0%", bytes: ".2f" }[chart.kind]}}`,
  };
}

/** @param {Drawn} chart @param {Look} look @param {Unit|null} unit */
function layout(chart, { tokens, family, revision }, unit) {
  const axis = { gridcolor: tokens.line, linecolor: tokens.line, zeroline: false, automargin: true };
  const titled = (/** @type {string} */ text) => ({ text, standoff: 8, font: { size: 12, color: tokens.muted } });
  const spike = { spikecolor: tokens.muted, spikethickness: 1, spikedash: "dot" };
  const hover = unit ? `%{x:.4~g} ${unit.name}` : "Step %{x:,d}";
  return {
    // The numbers of a zoom are in the unit of the axis: in another one they would show another stretch.
    ...sheet({ tokens, family, revision: `${revision} ${unit?.name ?? "steps"}`, left: 56 }),
    xaxis: { ...axis, ...spike, showgrid: false, rangemode: "tozero", title: titled(unit ? `Time since the attempt began, ${unit.name}` : "Step"), tickformat: unit ? "~g" : ",d", unifiedhovertitle: { text: hover } },
    yaxis: { ...axis, title: titled(chart.axis), ...verticalScale(chart) },
    annotations: unit ? [] : chart.lines.flatMap((line, row) => notFinite(line, row, tokens)),
  };
}

/** A loss is read by its shape; all else from zero, where its height is the message. @param {Drawn} chart */
function verticalScale({ name, kind }) {
  if (kind === "share") return { range: [0, 1.03], tickformat: ".0%", nticks: 5 };
  return { tickformat: "~g", nticks: name === "step-loss" ? 6 : 4, ...(name === "step-loss" ? {} : { rangemode: "tozero" }) };
}

/** Where a series of steps is no number for the first time. @param {Dense} line @param {number} row @param {Object<string, string>} tokens */
function notFinite({ name, title, positions, values, nonfinite }, row, tokens) {
  const place = values.findIndex((value) => !isNumber(value));
  if (place < 0) return [];
  const word = wordOf(nonfinite, place);
  return [{ x: positions[place], y: 0.04 + row * 0.09, yref: "paper", text: word, hovertext: `${title}: ${word} at step ${positions[place]}`, showarrow: false, bgcolor: tokens.surface, font: { color: tokens[colourOf(name)], size: 11 } }];
}

/** Sweeps: accuracy over a numeric field, and many fields beside each other. Figures for Plotly from an answer. Pure. */

import { lookOf } from "./compare-series.js";
import { isNumber, percent, plain } from "./format.js";
import { sheet } from "./plotly-theme.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {{tokens: Object<string, string>, family: string, colourOf: (recipe: string) => number, hidden: Set<string>}} Look */

/** The fields that differ and whose values are all numbers. @param {Answer} answer */
export const numericFields = ({ differs }) => differs.filter(({ numbers }) => numbers !== null);

/** Whether a field is read better on a logarithmic axis: all above 0, over a factor of 20 or more. @param {number[]} values */
export const isLogarithmic = (values) => Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) >= 20;

/** A point for each recipe with a value, and its 95% interval. @param {Answer} answer @param {string} path @param {Look} look */
export function scatterOf(answer, path, { tokens, family, colourOf, hidden }) {
  const field = numericFields(answer).find((one) => one.path === path);
  const items = answer.items.filter(({ recipe, accuracy }) => accuracy.mean !== null && field && !hidden.has(recipe));
  const numbers = items.map(({ recipe }) => /** @type {Object<string, number>} */ (field?.numbers)[recipe]);
  const shares = items.map(({ accuracy }) => Number(accuracy.mean));
  const axis = { gridcolor: tokens.line, linecolor: tokens.line, zeroline: false, automargin: true };
  const colours = items.map(({ recipe }) => tokens[lookOf(colourOf(recipe)).token]);
  const data = items.map((item, place) => ({
    type: "scatter",
    mode: "markers",
    name: item.label,
    meta: { recipe: item.recipe },
    x: [numbers[place]],
    y: [shares[place]],
    marker: { color: colours[place], size: 9 },
    error_y: { type: "data", symmetric: false, ...barsOf(item.accuracy, shares[place]), color: colours[place], thickness: 1.2, width: 3 },
    hovertemplate: `%{x}: %{y:.2%}`,
  }));
  const layout = {
    ...sheet({ tokens, family, revision: `scatter ${path}`, left: 60 }),
    hovermode: "closest",
    xaxis: { ...axis, type: numbers.length && isLogarithmic(numbers) ? "log" : "linear", title: { text: field?.title ?? "", standoff: 8, font: { size: 12, color: tokens.muted } } },
    yaxis: { ...axis, tickformat: ".0~%", title: { text: "Test accuracy", standoff: 8, font: { size: 12, color: tokens.muted } } },
  };
  return { data, layout };
}

/** @param {Answer["items"][0]["accuracy"]} accuracy @param {number} mean */
const barsOf = ({ low, high }, mean) => (isNumber(low) && isNumber(high) ? { array: [high - mean], arrayminus: [mean - low] } : { array: [0], arrayminus: [0] });

/** Parallel coordinates: a line for each recipe across its numbers, each axis from its least to its greatest, accuracy last.
 *  @param {Answer} answer @param {Look} look */
export function parallelOf(answer, { tokens, family, colourOf, hidden }) {
  const items = answer.items.filter(({ recipe, accuracy }) => accuracy.mean !== null && !hidden.has(recipe));
  const axes = [
    ...numericFields(answer).map(({ title, numbers }) => ({ title, write: plain, values: items.map(({ recipe }) => /** @type {Object<string, number>} */ (numbers)[recipe]) })),
    { title: "Test accuracy", write: (/** @type {number} */ value) => `${percent(value)}%`, values: items.map(({ accuracy }) => Number(accuracy.mean)) },
  ];
  const scaled = axes.map(({ values }) => scaledOf(values));
  const data = items.map((item, place) => ({
    type: "scatter",
    mode: "lines+markers",
    name: item.label,
    meta: { recipe: item.recipe },
    x: axes.map((_, index) => index),
    y: scaled.map((values) => values[place]),
    text: axes.map(({ title, write, values }) => `${title}: ${write(values[place])}`),
    hovertemplate: "%{text}",
    line: { color: tokens[lookOf(colourOf(item.recipe)).token], width: items.length > 40 ? 1 : 1.8, dash: lookOf(colourOf(item.recipe)).dash },
    marker: { size: 6 },
    opacity: items.length > 40 ? 0.6 : 0.9,
  }));
  const ends = axes.flatMap(({ values, write }, index) =>
    values.length ? [[Math.min(...values), -0.06], [Math.max(...values), 1.06]].map(([value, y]) => ({ x: index, y, text: write(value), showarrow: false, bgcolor: tokens.surface, font: { size: 11, color: tokens.muted } })) : [],
  );
  const layout = {
    ...sheet({ tokens, family, revision: "parallel", left: 20 }),
    hovermode: "closest",
    margin: { l: 40, r: 40, t: 10, b: 40 },
    xaxis: { tickmode: "array", tickvals: axes.map((_, index) => index), ticktext: axes.map(({ title }) => title), range: [-0.25, axes.length - 0.75], gridcolor: tokens.muted, zeroline: false, fixedrange: true, automargin: true },
    yaxis: { visible: false, range: [-0.14, 1.14], fixedrange: true },
    annotations: ends,
  };
  return { data, layout };
}

/** From 0 to 1, by logarithms where these read better; a constant lies in the middle. @param {number[]} values */
function scaledOf(values) {
  const numbers = values.length && isLogarithmic(values) ? values.map(Math.log) : values;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return numbers.map((value) => (high > low ? (value - low) / (high - low) : 0.5));
}

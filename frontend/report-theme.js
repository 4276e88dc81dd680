/** The page's colours over a figure of the report: published dashed, measured solid, its band, in the colour of their metric. Pure. */

import { sheet } from "./plotly-theme.js";

/** @typedef {Object<string, string>} Tokens */

const COLOURS = /** @type {Object<string, string>} */ ({ train_acc: "series-1", test_acc: "series-2" });

/** Of the references in their order: two of one colour are told apart by their dashes. */
const DASHES = ["5px,4px", "2px,3px", "8px,3px,2px,3px", "10px,4px"];

/** @param {any} trace */
export const isPublished = (trace) => trace.meta.source === "published";

/** The 95% interval of the mean over seeds. @param {any} trace */
export const isBand = (trace) => trace.meta.source === "band";

/** The token of a trace's colour. @param {any} trace */
export const tokenOf = (trace) => COLOURS[trace.meta.metric];

/** The axis says already that they are accuracies. @param {{data: any[]}} figure @returns {string[]} */
export const legendOf = (figure) => figure.data.map(({ name }) => name.replace(" accuracy,", ","));

/** @param {{data: any[], layout: any}} figure @param {{tokens: Tokens, family: string}} look */
export function versus(figure, { tokens, family }) {
  const { title: _title, xaxis, yaxis, ...layout } = figure.layout;
  const epochs = Math.max(1, ...figure.data.flatMap(({ x }) => x));
  return {
    data: figure.data.map((trace) => themedTrace(trace, tokens)),
    layout: {
      ...layout,
      xaxis: epochAxis(xaxis, tokens, epochs),
      yaxis: { ...yaxis, ...sharedAxis(yaxis, tokens), zeroline: false, showgrid: true },
      ...sheet({ tokens, family, revision: "report", left: 52 }),
    },
  };
}

/** @param {any} trace @param {Tokens} tokens */
function themedTrace(trace, tokens) {
  const colour = tokens[tokenOf(trace)];
  const published = isPublished(trace);
  if (isBand(trace)) return { ...trace, fillcolor: faint(colour), line: { color: colour, width: 0 } };
  const main = trace.meta.metric !== "train_acc"; // what the report is about stands out from what it was learned on
  return {
    ...trace,
    connectgaps: false, // an unreadable cell is a gap
    // A lone measured epoch has no line to be seen by; a published one between gaps neither.
    mode: "lines+markers",
    line: { color: colour, width: main ? (published ? 1.6 : 2.2) : 1.1, dash: published ? DASHES[(trace.meta.place ?? 0) % DASHES.length] : "solid" },
    marker: { color: published ? tokens.surface : colour, size: main ? (published ? 4 : 5) : 3, line: { color: colour, width: published ? 1.2 : 0 } },
    hovertemplate: "%{y:.1%}",
  };
}

/** A colour that lies over others and lets them through. @param {string} colour rgb(…), as the browser tells it */
export const faint = (colour) => colour.replace(/^rgb\((.*)\)$/, "rgba($1, 0.16)");

/** @param {any} axis @param {Tokens} tokens */
const sharedAxis = (axis, tokens) => ({ gridcolor: tokens.line, linecolor: tokens.line, automargin: true, title: { ...axis.title, standoff: 8, font: { size: 12, color: tokens.muted } } });

/** The whole run from the start: the axis must not grow with every epoch.
 *  @param {any} axis @param {Tokens} tokens @param {number} epochs */
function epochAxis(axis, tokens, epochs) {
  const ticks = epochs <= 12 ? { tick0: 1, dtick: 1 } : {};
  const spike = { spikecolor: tokens.muted, spikethickness: 1, spikedash: "dot" };
  return { ...axis, ...sharedAxis(axis, tokens), ...ticks, ...spike, range: [0.5, epochs + 0.5], showgrid: false, tickformat: "d", unifiedhovertitle: { text: "Epoch %{x}" } };
}

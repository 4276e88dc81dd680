/** Lays the page's colours and type over a figure of the API. Pure but for `readTokens`. */

import { NOT_FINITE } from "./format.js";

const COLOURS = /** @type {Object<string, string>} */ ({
  train_loss: "series-1",
  train_acc: "series-1",
  test_loss: "series-2",
  test_acc: "series-2",
  val_loss: "series-3",
  val_acc: "series-3",
  lr: "series-3",
  images_per_second: "series-4",
});

/** Training is dashed as well: colour is never the only difference. */
const DASHED = new Set(["train_loss", "train_acc"]);

/** @typedef {Object<string, string>} Tokens */

/** light-dark() is resolved for a property of an element only, so a probe reads each token as a colour.
 *  @param {string[]} names @returns {Tokens} */
export function readTokens(names) {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const tokens = Object.fromEntries(
    names.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return tokens;
}

export const TOKENS = ["surface", "line", "text", "muted", "bad", "series-1", "series-2", "series-3", "series-4"];

/** The token of a metric's colour. @param {string} metric */
export const colourOf = (metric) => COLOURS[metric] ?? "series-1";

/** What every figure lies on: the page's surface, its fonts, and how it answers to the pointer.
 *  @param {{tokens: Tokens, family: string, revision: string, left: number}} look `left`: room for the numbers, in pixels */
export const sheet = ({ tokens, family, revision, left }) => ({
  uirevision: revision,
  autosize: true,
  showlegend: false,
  hovermode: "x unified",
  dragmode: "zoom",
  margin: { l: left, r: 10, t: 10, b: 40 },
  // Opaque: the line under the pointer is drawn in contrast to it.
  paper_bgcolor: tokens.surface,
  plot_bgcolor: tokens.surface,
  font: { family, size: 12, color: tokens.muted },
  hoverlabel: { bgcolor: tokens.surface, bordercolor: tokens.line, font: { family, size: 12, color: tokens.text } },
});

/** @param {{data: any[], layout: any}} figure
 *  @param {import("./series-model.js").SeriesByMetric} series what the traces show now
 *  @param {{tokens: Tokens, family: string, revision: string, epochs: number}} look */
export function themed(figure, series, { tokens, family, revision, epochs }) {
  const data = figure.data.map((trace) => themedTrace(trace, series, tokens, epochs));
  const axis = { gridcolor: tokens.line, linecolor: tokens.line, zerolinecolor: tokens.line, automargin: true, title: { standoff: 8, font: { size: 12, color: tokens.muted } } };
  const metric = figure.data[0]?.meta?.metric;
  const { title: _title, template: _template, ...layout } = figure.layout ?? {};
  return {
    data,
    layout: {
      ...layout,
      ...sheet({ tokens, family, revision, left: 56 }),
      xaxis: { ...layout.xaxis, ...axis, title: { ...layout.xaxis?.title, ...axis.title }, showgrid: false, spikecolor: tokens.muted, spikethickness: 1, spikedash: "dot", unifiedhovertitle: { text: "Epoch %{x}" }, range: [0.5, epochs + 0.5], rangemode: "normal", tickformat: "d", ...wholeTicks(epochs) },
      yaxis: { ...layout.yaxis, ...axis, title: { ...layout.yaxis?.title, ...axis.title }, zeroline: false, ...verticalScale(metric) },
      annotations: notFinite(figure, series, tokens),
    },
  };
}

/** @param {any} trace @param {import("./series-model.js").SeriesByMetric} series @param {Tokens} tokens @param {number} epochs */
function themedTrace(trace, series, tokens, epochs) {
  const metric = trace.meta?.metric;
  const colour = tokens[colourOf(metric)];
  const points = series[metric];
  const format = /acc$/.test(metric) ? ".1%" : metric === "images_per_second" ? ",.0f" : ".4~g";
  return {
    ...trace,
    ...(points ? { x: points.epochs, y: points.values } : {}),
    connectgaps: false,
    // Markers drown long curves; a lone epoch, or one between gaps, has no line to be seen by.
    mode: epochs <= 40 ? "lines+markers" : "lines",
    line: { color: colour, width: 2, dash: DASHED.has(metric) ? "4px,3px" : "solid" },
    marker: { color: colour, size: 5 },
    hovertemplate: `%{y:${format}}`,
  };
}

/** From zero where the height is the message; a constant must not look like a range around it. @param {string} metric */
const verticalScale = (metric) =>
  metric === "lr" ? { rangemode: "tozero", tickformat: ".3~g", nticks: 4 } : metric === "images_per_second" ? { rangemode: "tozero", tickformat: ",", nticks: 4 } : {};

/** Whole epochs only on the axis of a short run. @param {number} epochs */
const wholeTicks = (epochs) => (epochs <= 20 ? { dtick: epochs <= 12 ? 1 : 2, tick0: epochs <= 12 ? 1 : 2 } : {});

/** A value that is no number is a gap, and the gap says what stood there. @param {{data: any[]}} figure */
function notFinite(figure, /** @type {import("./series-model.js").SeriesByMetric} */ series, /** @type {Tokens} */ tokens) {
  return figure.data.flatMap((trace, index) =>
    Object.entries(series[trace.meta?.metric]?.nonfinite ?? {}).map(([epoch, word]) => ({
      x: Number(epoch),
      y: 0.04 + index * 0.09,
      yref: "paper",
      text: `${NOT_FINITE[word] ?? word}`,
      hovertext: `${trace.name} at epoch ${epoch} is ${NOT_FINITE[word] ?? word}`,
      showarrow: false,
      font: { color: tokens[colourOf(trace.meta?.metric)], size: 11 },
    })),
  );
}

/** Draws the charts of one section: cards that come and go with their series; a refresh never resets a zoom. */

import { createList, element } from "./dom.js";
import { createIdleDrawing } from "./plotly-drawing.js";
import { CONFIG } from "./plotly-load.js";
import { readTokens, TOKENS } from "./plotly-theme.js";
import { colourOf, figureOf, isDashed } from "./run-series-figure.js";

/** @typedef {import("./run-series-figure.js").Drawn} Drawn */

/** @param {Element} parent @param {"step"|"second"} by */
export function createCharts(parent, by) {
  /** @type {Drawn[]} */ let charts = [];
  let revision = "";
  /** @type {Map<string, any>} */ const plots = new Map();
  /** Plots of cards that were taken out: the library still holds on to them. @type {any[]} */ const gone = [];

  const cards = createList(parent, ({ name }) => name, (/** @type {Drawn} */ chart) => {
    const { node, plot, update } = createCard(chart, by);
    plots.set(chart.name, plot);
    return { node, update };
  });

  const drawing = createIdleDrawing(
    (Plotly) => {
      for (const plot of gone.splice(0)) Plotly.purge(plot);
      const look = { by, tokens: readTokens(TOKENS), family: getComputedStyle(document.body).fontFamily, revision };
      for (const chart of charts) {
        const plot = plots.get(chart.name);
        plot.querySelector(".plot-waits")?.remove();
        const { data, layout } = figureOf(chart, look);
        Plotly.react(plot, data, layout, CONFIG);
      }
    },
    ({ message }) => {
      for (const note of parent.querySelectorAll(".plot-waits")) note.textContent = message;
    },
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawing.soon);

  /** @param {Drawn[]} wanted @param {string} whose a zoom is kept as long as this is the same */
  return (wanted, whose) => {
    charts = wanted;
    revision = whose;
    cards(wanted);
    for (const [name, plot] of plots) {
      if (wanted.some((chart) => chart.name === name)) continue;
      plots.delete(name);
      gone.push(plot);
    }
    if (wanted.length) void drawing.start(); // without any no library is needed
    drawing.soon();
  };
}

/** @param {Drawn} chart @param {"step"|"second"} by */
function createCard({ name, title }, by) {
  const label = by === "step" ? `${title} by step` : `${title} over the time of the attempt`;
  const plot = element("div", { class: "plot", "data-figure": name, role: "img", "aria-label": label }, element("p", { class: "plot-waits", text: "Loading…" }));
  const legend = element("span", { class: "legends" });
  const node = element("figure", { class: "card small-figure" }, element("figcaption", {}, title, legend), plot);

  let shown = "";
  const update = (/** @type {Drawn} */ chart) => {
    const wanted = chart.lines.map((line) => line.name).join(" ");
    if (wanted === shown) return;
    shown = wanted;
    legend.replaceChildren(...(chart.lines.length > 1 ? chart.lines.map((line) => entry(line, chart)) : []));
  };
  return { node, plot, update };
}

/** The legend stands in the caption, where it takes no room from the curves.
 *  @param {import("./run-series-model.js").Dense} line @param {Drawn} chart */
function entry({ name, title }, chart) {
  const mark = element("i", { "aria-hidden": "true", class: isDashed(name, chart) ? "dashed" : null });
  mark.style.color = `var(--${colourOf(name)})`;
  return element("span", { class: "legend" }, mark, title);
}

/** The live curves: plotly.js comes when the page is idle; a new point never resets a zoom. */

import { byId, element, setText } from "./dom.js";
import { createIdleDrawing } from "./plotly-drawing.js";
import { CONFIG } from "./plotly-load.js";
import { colourOf, readTokens, themed, TOKENS } from "./plotly-theme.js";

const PLACES = /** @type {const} */ ([
  { name: "loss", title: "Loss", small: false },
  { name: "accuracy", title: "Accuracy", small: false },
  { name: "lr", title: "Learning rate", small: true },
  { name: "speed", title: "Training speed", small: true },
]);

/** @param {number} run */
export function createFigures(run) {
  /** @type {Map<string, any>} */ const plots = new Map();
  for (const { name, title, small } of PLACES) {
    const plot = element("div", { class: "plot", "data-figure": name, role: "img", "aria-label": `${title} by epoch; the numbers stand in the table of epochs` });
    plot.append(waits());
    const caption = element("figcaption", {}, title);
    byId("figures").append(element("figure", { class: small ? "card small-figure" : "card" }, caption, plot));
    plots.set(name, plot);
  }
  /** @type {Object<string, any>} */ let figures = {};
  /** @type {import("./series-model.js").SeriesByMetric} */ let series = {};
  let epochs = 1;

  const draw = (/** @type {any} */ Plotly) => {
    const look = { tokens: readTokens(TOKENS), family: getComputedStyle(document.body).fontFamily, revision: `run ${run}`, epochs };
    for (const [name, plot] of plots) {
      const figure = figures[name];
      if (!figure || !figure.data.some((/** @type {any} */ trace) => series[trace.meta?.metric]?.epochs.length)) {
        if (!plot.querySelector(".plot-waits")) clear(Plotly, plot);
        if (figure) setText(plot.querySelector(".plot-waits"), "Waits for the first epoch");
        continue;
      }
      plot.querySelector(".plot-waits")?.remove();
      legend(plot, figure);
      const { data, layout } = themed(figure, series, look);
      Plotly.react(plot, data, layout, CONFIG);
    }
  };

  /** A retry began: its curves so far are no more. @param {any} Plotly @param {any} plot */
  const clear = (Plotly, plot) => {
    Plotly.purge(plot);
    plot.replaceChildren(waits());
  };

  const drawing = createIdleDrawing(draw, (problem) => {
    for (const note of document.querySelectorAll(".plot-waits")) note.textContent = problem.message;
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawing.soon);

  return {
    /** @param {Object<string, any>} loaded the figures of the API @param {number} planned epochs of the whole run */
    setFigures(loaded, planned) {
      figures = loaded;
      epochs = planned;
      void drawing.start();
      drawing.soon();
    },
    /** @param {import("./series-model.js").SeriesByMetric} changed */
    setSeries(changed) {
      series = changed;
      drawing.soon();
    },
  };
}

const waits = () => element("p", { class: "plot-waits", text: "Loading…" });

/** The legend stands in the caption, where it takes no room from the curves. @param {any} plot @param {any} figure */
function legend(plot, figure) {
  const caption = plot.parentElement.querySelector("figcaption");
  if (figure.data.length < 2 || caption.querySelector(".legend")) return;
  for (const { name, meta } of figure.data) {
    const line = element("i", { "aria-hidden": "true" });
    line.style.color = `var(--${colourOf(meta?.metric)})`;
    if (/^train/.test(meta?.metric)) line.classList.add("dashed");
    caption.append(element("span", { class: "legend" }, line, name));
  }
}

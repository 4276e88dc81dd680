/** The curves of the report: drawn once they come near the screen, then changed in place; a zoom stays. */

import { element } from "./dom.js";
import { CONFIG, plotlyWhenIdle } from "./plotly-load.js";
import { readTokens, TOKENS } from "./plotly-theme.js";
import { isBand, isPublished, legendOf, tokenOf, versus } from "./report-theme.js";

/** @typedef {{data: any[], layout: any}} Figure */
/** @typedef {ReturnType<typeof createDrawing>} Drawing */

const NEAR = "600px 0px";

export function createDrawing() {
  /** @type {Map<Element, {figure: Figure, caption: any, drawn: string, near: boolean}>} */ const plots = new Map();
  /** @type {any} */ let Plotly = null;
  let tokens = readTokens(TOKENS);

  const draw = (/** @type {Element} */ plot) => {
    const known = plots.get(plot);
    if (!known?.near || !Plotly) return;
    const key = JSON.stringify([known.figure, tokens]);
    if (key === known.drawn) return; // most events change one experiment of seven
    known.drawn = key;
    plot.querySelector(".plot-waits")?.remove();
    const { data, layout } = versus(known.figure, { tokens, family: getComputedStyle(document.body).fontFamily });
    showLegend(known.caption, known.figure);
    Plotly.react(plot, data, layout, CONFIG);
  };

  const watcher = new IntersectionObserver(
    async (entries) => {
      for (const { target, isIntersecting } of entries) {
        const known = plots.get(target);
        if (known && isIntersecting) known.near = true;
      }
      try {
        Plotly ??= await plotlyWhenIdle();
        for (const plot of plots.keys()) draw(plot); // also those that an earlier failure left waiting
      } catch (problem) {
        for (const note of document.querySelectorAll(".plot-waits")) note.textContent = problem.message;
      }
    },
    { rootMargin: NEAR },
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    tokens = readTokens(TOKENS);
    [...plots.keys()].forEach(draw);
  });

  /** @param {string} id @param {string} title of the experiment */
  const figure = (id, title) => {
    const plot = element("div", { class: "plot", "data-figure": id, role: "img", "aria-label": `Curves of ${title}; the numbers stand in the table beside` });
    plot.append(element("p", { class: "plot-waits", text: "Drawing…" }));
    const caption = element("figcaption");
    const node = element("figure", { class: "card" }, caption, plot);
    /** @type {Figure} */ const nothing = { data: [], layout: {} };
    plots.set(plot, { figure: nothing, caption, drawn: "", near: false });
    watcher.observe(plot);
    const update = (/** @type {Figure} */ changed) => {
      const known = plots.get(plot);
      if (!known || known.figure === changed) return;
      known.figure = changed;
      draw(plot);
    };
    return { node, update };
  };

  /** Forget figures that are no more on the page. */
  const forget = () => {
    for (const plot of plots.keys()) {
      if (plot.isConnected) continue;
      watcher.unobserve(plot);
      Plotly?.purge(plot);
      plots.delete(plot);
    }
  };
  return { figure, forget };
}

/** The legend stands in the caption, where it takes no room from the curves. @param {any} caption @param {Figure} figure */
function showLegend(caption, figure) {
  const names = legendOf(figure);
  if (caption.dataset.names === names.join()) return;
  caption.dataset.names = names.join();
  caption.replaceChildren(
    ...figure.data.flatMap((trace, index) => {
      if (isBand(trace) && trace.meta.metric === "train_acc") return []; // one band tells what both are
      const line = element("i", { class: isPublished(trace) ? "dashed" : isBand(trace) ? "band" : null, "aria-hidden": "true" });
      line.style.color = `var(--${tokenOf(trace)})`;
      return [element("span", { class: "legend" }, line, names[index])];
    }),
  );
}

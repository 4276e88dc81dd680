/** The page's colours over a figure of the report: published dashed, measured solid, in the colour of their metric. Pure. */

/** @typedef {Object<string, string>} Tokens */

const COLOURS = /** @type {Object<string, string>} */ ({ train_loss: "series-3", train_acc: "series-1", test_acc: "series-2" });

/** @param {any} trace */
export const isPublished = (trace) => trace.meta?.source === "published" || trace.meta?.published === true || /published/i.test(trace.name ?? "");

/** The token of a trace's colour. @param {any} trace */
export const tokenOf = (trace) => COLOURS[trace.meta?.metric] ?? "series-2";

/** The axis says already that they are accuracies. @param {{data: any[]}} figure @returns {string[]} */
export const legendOf = (figure) => figure.data.map(({ name }) => String(name ?? "").replace(" accuracy,", ","));

/** @param {{data: any[], layout: any}} figure @param {{tokens: Tokens, family: string}} look */
export function versus(figure, { tokens, family }) {
  const { title: _title, template: _template, ...layout } = figure.layout ?? {};
  const axes = Object.keys({ xaxis: 0, yaxis: 0, ...layout }).filter((name) => /^[xy]axis\d*$/.test(name));
  const epochs = Math.max(1, ...figure.data.flatMap(({ x }) => (Array.isArray(x) ? x : [])));
  return {
    data: figure.data.map((trace) => themedTrace(trace, tokens)),
    layout: {
      ...layout,
      ...Object.fromEntries(axes.map((name) => [name, themedAxis(name, layout[name] ?? {}, tokens, epochs)])),
      uirevision: "report",
      autosize: true,
      showlegend: false,
      hovermode: "x unified",
      dragmode: "zoom",
      margin: { l: 52, r: layout.yaxis2 ? 48 : 10, t: 10, b: 40 },
      paper_bgcolor: tokens.surface,
      plot_bgcolor: tokens.surface,
      font: { family, size: 12, color: tokens.muted },
      hoverlabel: { bgcolor: tokens.surface, bordercolor: tokens.line, font: { family, size: 12, color: tokens.text } },
    },
  };
}

/** @param {any} trace @param {Tokens} tokens */
function themedTrace(trace, tokens) {
  const colour = tokens[tokenOf(trace)];
  const published = isPublished(trace);
  const main = trace.meta?.metric !== "train_acc"; // what the report is about stands out from what it was learned on
  const format = /acc$/.test(trace.meta?.metric ?? "test_acc") ? ".1%" : ".4~g";
  return {
    ...trace,
    connectgaps: false, // an unreadable cell is a gap
    // A lone measured epoch has no line to be seen by; a published one between gaps neither.
    mode: "lines+markers",
    line: { color: colour, width: main ? (published ? 1.6 : 2.2) : 1.1, dash: published ? "5px,4px" : "solid" },
    marker: { color: published ? tokens.surface : colour, size: main ? (published ? 4 : 5) : 3, line: { color: colour, width: published ? 1.2 : 0 } },
    hovertemplate: `%{y:${format}}`,
  };
}

/** @param {string} name @param {any} axis @param {Tokens} tokens @param {number} epochs */
function themedAxis(name, axis, tokens, epochs) {
  const shared = { gridcolor: tokens.line, linecolor: tokens.line, automargin: true, title: { ...axis.title, standoff: 8, font: { size: 12, color: tokens.muted } } };
  // The whole run from the start: the axis must not grow with every epoch.
  const whole = { range: [0.5, epochs + 0.5], ...(epochs <= 12 ? { tick0: 1, dtick: 1 } : {}) };
  if (name.startsWith("x")) return { ...axis, ...shared, ...whole, showgrid: false, spikecolor: tokens.muted, spikethickness: 1, spikedash: "dot", tickformat: "d", unifiedhovertitle: { text: "Epoch %{x}" } };
  return { ...axis, ...shared, zeroline: false, showgrid: name === "yaxis" };
}

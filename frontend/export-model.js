/** What can be exported, and from where: addresses, and figures in the colours of print. Pure: no DOM, no network. */

/** @typedef {{label: string, href?: string, copy?: string, figure?: "svg"|"png"}} Item
 *    href: an address to download; copy: one whose text goes to the clipboard; figure: the form in which to draw */
/** @typedef {{title: string, items: Item[]}} Group */
/** @typedef {Object<string, string>} Tokens */

/** In which forms tables come; those for people's texts also by the clipboard. */
const TABLES = [
  { format: "csv", label: "CSV", copied: false },
  { format: "json", label: "JSON", copied: false },
  { format: "latex", label: "LaTeX", copied: true },
  { format: "markdown", label: "Markdown", copied: true },
];
const FIGURES = /** @type {const} */ ([
  { label: "SVG", figure: "svg" },
  { label: "PNG", figure: "png" },
]);

/** What is asked for, in one form. @param {string} path @param {URLSearchParams} query @param {string} format @param {Object<string, string>} [more] */
export function exportAddress(path, query, format, more = {}) {
  const whole = new URLSearchParams(query);
  for (const [name, value] of Object.entries({ ...more, format })) whole.set(name, value);
  return `${path}?${whole}`;
}

/** Both ways to have a table. @param {string} title @param {string} path @param {URLSearchParams} query @param {Object<string, string>} [more] @returns {Group[]} */
function tableGroups(title, path, query, more = {}) {
  const addressOf = (/** @type {string} */ format) => exportAddress(path, query, format, more);
  return [
    { title, items: TABLES.map(({ format, label }) => ({ label, href: addressOf(format) })) },
    { title: "Copy", items: TABLES.filter(({ copied }) => copied).map(({ format, label }) => ({ label, copy: addressOf(format) })) },
  ];
}

/** @param {URLSearchParams} query the runs and recipes that are compared, and the value that is shown @returns {Group[]} */
export function comparisonGroups(query) {
  const points = ["csv", "json"].map((format) => ({ label: format.toUpperCase(), href: exportAddress("/api/compare/points", chosenOf(query), format) }));
  return [
    ...tableGroups("Table", "/api/compare/export", query),
    { title: "All points", items: points },
    { title: "Figure", items: [...FIGURES] },
  ];
}

/** Points are points whatever the table shows of them. @param {URLSearchParams} query */
function chosenOf(query) {
  return new URLSearchParams([...query].filter(([name]) => name === "run" || name === "recipe"));
}

/** The tables of a report that can be had alone. @param {{sections: {blocks: any[]}[]}} view @returns {{id: string, title: string, drawn: boolean}[]} */
export const tablesOf = ({ sections }) =>
  sections
    .flatMap(({ blocks }) => blocks)
    .filter(({ kind }) => ["changes", "experiment", "comparison", "sweep"].includes(kind))
    .map(({ id, title, kind }) => ({ id, title, drawn: kind === "experiment" }));

/** A report as a whole. @param {string} name @param {URLSearchParams} query its variant, and what it is held against @returns {Group[]} */
export const wholeGroups = (name, query) => [{ title: "Whole report", items: [{ label: "One HTML file", href: exportAddress(pathOf(name), query, "html") }] }];

/** @param {string} name */
const pathOf = (name) => `/api/reports/${encodeURIComponent(name)}/export`;

/** @param {string} name of the report @param {URLSearchParams} query its variant, and what it is held against
 *  @param {{id: string, drawn: boolean}|null} table one of its tables, null for all @returns {Group[]} */
export function reportGroups(name, query, table) {
  const figure = table?.drawn ? [{ title: "Figure", items: [...FIGURES] }] : [];
  return [...tableGroups(table ? "Table" : "All tables", pathOf(name), query, table ? { table: table.id } : {}), ...figure];
}

const COLOUR = /^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/;

/** A figure as it is shown, in other colours: each that is one of `shown` becomes that of the same name in `wanted`.
 *  What lies on it with less than full strength keeps its strength.
 *  @template T @param {T} value @param {Tokens} shown @param {Tokens} wanted @returns {T} */
export function recoloured(value, shown, wanted) {
  const names = new Map(Object.entries(shown).map(([name, colour]) => [partsOf(colour)?.slice(0, 3).join(), name]));
  const change = (/** @type {any} */ one) => {
    if (typeof one === "string") return recolouredText(one, names, wanted);
    if (Array.isArray(one)) return one.map(change);
    // Only what JSON has: plotly.js hangs objects of its own on layouts.
    if (one && Object.getPrototypeOf(one) === Object.prototype) return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, change(inner)]));
    return one;
  };
  return change(value);
}

/** @param {string} text @param {Map<string|undefined, string>} names @param {Tokens} wanted */
function recolouredText(text, names, wanted) {
  const parts = partsOf(text);
  const name = parts && names.get(parts.slice(0, 3).join());
  const colour = name === undefined || name === null ? null : partsOf(wanted[name]);
  if (!parts || !colour) return text;
  const [red, green, blue] = colour;
  return parts[3] === undefined ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${parts[3]})`;
}

/** Red, green, blue, and the strength where there is one. @param {string} colour */
const partsOf = (colour) => COLOUR.exec(colour)?.slice(1) ?? null;

/** A figure for print: what is shown on the page, with a title and a legend of its main lines, which the page has beside it.
 *  @param {{data: any[], layout: any}} figure @param {string} title */
export function forPrint({ data, layout }, title) {
  const named = new Set();
  const traces = data.map((trace) => {
    const kind = trace.meta?.kind ?? "main";
    const first = kind === "main" && trace.name && !named.has(trace.name);
    if (first) named.add(trace.name);
    return { ...trace, showlegend: Boolean(first) };
  });
  const margin = { ...layout.margin, t: 44 + 20 * Math.ceil(named.size / 3), r: 24 };
  const legend = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12, color: layout.font?.color } };
  return { data: traces, layout: { ...layout, title: { text: title, x: 0, xref: "paper", font: { size: 15 } }, showlegend: true, legend, margin, autosize: false } };
}

/** Letters, digits and hyphens, whatever a title holds. @param {...(string|number)} parts */
export const fileName = (...parts) =>
  ["runyard", ...parts]
    .join("-")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .slice(0, 80)
    .replace(/^-+|-+$/g, "");

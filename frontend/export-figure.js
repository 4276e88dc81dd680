/** A chart as a file, in the colours of print whatever the page's are: light, on white. */

import { element } from "./dom.js";
import { fileName, forPrint, recoloured } from "./export-model.js";
import { plotlyWhenIdle } from "./plotly-load.js";
import { readTokens } from "./plotly-theme.js";

const TOKENS = ["surface", "sunken", "line", "text", "muted", "accent", "good", "warn", "bad", ...Array.from({ length: 8 }, (_, index) => `series-${index + 1}`)];
const SIZE = { width: 960, height: 540 };
/** A PNG for print: twice as many pixels each way. */
const SCALE = 2;

/** The colours of the tokens on paper: light-dark() is resolved by the scheme of the element that it stands on. */
function printTokens() {
  const probe = element("span", { hidden: true });
  probe.style.colorScheme = "light";
  document.body.append(probe);
  const tokens = Object.fromEntries(
    TOKENS.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return tokens;
}

/** Save a chart of the page as it is shown; one that is not drawn yet as `draw` makes it, in the colours that it is given.
 *  @param {any} plot the element that plotly.js drew into, or will @param {string} title @param {"svg"|"png"} format
 *  @param {(tokens: Object<string, string>) => {data: any[], layout: any}|null} [draw] */
export async function saveFigure(plot, title, format, draw = () => null) {
  const Plotly = await plotlyWhenIdle();
  const print = printTokens();
  const shown = plot?.data?.length ? recoloured({ data: plot.data, layout: plot.layout }, readTokens(TOKENS), print) : draw(print);
  if (!shown?.data.length) throw new Error("There is nothing in this figure yet.");
  const address = await Plotly.toImage(forPrint(shown, title), { format, ...SIZE, scale: format === "png" ? SCALE : 1 });
  save(address, `${fileName("figure", title)}.${format}`);
}

/** @param {string} address @param {string} name */
function save(address, name) {
  const link = element("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}

/** A curve the size of a word. The maths is pure; `createSpark` draws by DOM methods. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 118;
const HEIGHT = 28;
const MARGIN = 3;

/** Split the values at gaps and scale them to the box: x over all epochs, y over what the run reached.
 *  @param {[number, number|null][]} values by epoch @param {number} epochs
 *  @returns {[number, number][][]} pieces of points in pixels */
export function sparkPieces(values, epochs) {
  const known = values.map(([, value]) => value).filter((value) => value !== null);
  if (!known.length) return [];
  // At least a point of accuracy high: noise of a flat curve is not to look like learning.
  const low = Math.min(...known);
  const span = Math.max(Math.max(...known) - low, 0.01);
  const last = Math.max(epochs, 2) - 1;
  /** @type {[number, number][][]} */ const pieces = [[]];
  values.forEach(([epoch, value]) => {
    if (value === null) return void pieces.push([]);
    const x = MARGIN + ((epoch - 1) / last) * (WIDTH - 2 * MARGIN);
    const y = HEIGHT - MARGIN - ((value - low) / span) * (HEIGHT - 2 * MARGIN);
    pieces[pieces.length - 1].push([x, y]);
  });
  return pieces.filter((piece) => piece.length);
}

export function createSpark() {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("class", "spark");
  node.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  node.setAttribute("aria-hidden", "true"); // the numbers stand in the cell beside it
  let drawn = "";

  /** @param {[number, number|null][]} values by epoch @param {number} epochs */
  const draw = (values, epochs) => {
    const key = `${epochs}:${values.join()}`;
    if (key === drawn) return;
    drawn = key;
    const pieces = sparkPieces(values, epochs);
    const shapes = pieces.map((piece) =>
      shape("polyline", { points: piece.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ") }),
    );
    const end = pieces.at(-1)?.at(-1);
    if (end) shapes.push(shape("circle", { cx: end[0].toFixed(1), cy: end[1].toFixed(1), r: "2.2" }));
    node.replaceChildren(...shapes);
  };
  return { node, draw };
}

/** @param {string} tag @param {Object<string, string>} attributes */
function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

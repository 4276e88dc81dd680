/** The panel of two trained models: the exact test, the 2 x 2 table, classes, confusion, and the images that one got and the other missed. */

import { get } from "./api.js";
import { byDifference, largestOf, modelTitle, points, pShown, signed, smallestText, tintOf } from "./compare-models-model.js";
import { watchTwo } from "./compare-two.js";
import { byId, element, setText } from "./dom.js";
import { count, counted, percent } from "./format.js";

/** @typedef {import("./compare-models-model.js").Models} Models */
/** @typedef {import("./compare-model.js").Answer} Answer */

const SIDE = 96;
const MATRIX_CLASSES = 20;
const FIRST_CLASSES = 20;
const FIRST_NUMBERS = 40;

/** @param {{onChosen: (models: [number, number]|null) => void}} options */
export function createModels({ onChosen }) {
  const [panel, first, second, place] = ["models", "models-first", "models-second", "models-found"].map(byId);
  let offered = "";
  let shown = "";
  /** @type {Answer|null} */ let answer = null;

  const chosen = () => /** @type {[number, number]} */ ([Number(first.value), Number(second.value)]);

  const load = async () => {
    if (!panel.open || !answer || !first.value) return;
    const [a, b] = chosen();
    if (a === b) {
      shown = "";
      return place.replaceChildren(element("p", { class: "hollow", text: "Choose two different runs." }));
    }
    const which = answer.value === "best" ? "best" : "last";
    const asked = `a=${a}&b=${b}&which=${which}`;
    // What has come since then has other predictions.
    const key = `${asked} ${answer.runs.filter(({ id }) => id === a || id === b).map(({ epoch }) => epoch).join()}`;
    if (key === shown) return;
    shown = key;
    setText(byId("models-note"), answer.value === "validation" ? "Predictions are kept of the last and the best epoch: these are of the last." : "");
    place.setAttribute("aria-busy", "true");
    try {
      const found = await get(`/api/compare/models?${asked}`);
      if (shown === key) place.replaceChildren(...draw(found));
    } catch (problem) {
      if (shown !== key) return;
      shown = "";
      place.replaceChildren(element("p", { class: "hollow", text: problem.message }));
    } finally {
      place.removeAttribute("aria-busy");
    }
  };

  /** The runs to choose from, and two of them: those of the view, else those that the verdict names. */
  const offer = (/** @type {[number, number]|null} */ wanted = null) => {
    if (!answer || !panel.open) return;
    const labels = new Map(answer.items.map(({ recipe, label }) => [recipe, label]));
    const runs = answer.runs.filter(({ epoch }) => epoch);
    const key = JSON.stringify(runs.map(({ id, recipe }) => [id, labels.get(recipe)]));
    if (key !== offered) {
      offered = key;
      const before = first.value ? chosen() : null;
      for (const select of [first, second]) {
        select.replaceChildren(...runs.map(({ id, recipe, seed }) => element("option", { value: id, text: `${labels.get(recipe)} · run ${id}, seed ${seed}` })));
      }
      choose(before && runs.some(({ id }) => id === before[0]) && runs.some(({ id }) => id === before[1]) ? before : preferred(answer));
    }
    if (wanted) choose(wanted);
    byId("models-choose").hidden = runs.length < 2;
    if (runs.length < 2) place.replaceChildren(element("p", { class: "hollow", text: "Two runs with an epoch are needed." }));
  };

  const choose = (/** @type {[number, number]|null} */ pair) => {
    if (pair) [first.value, second.value] = pair.map(String);
  };

  watchTwo({ panel, selects: [first, second], offer, chosen, onChosen, load });

  /** @param {Answer} newest @param {[number, number]|null} wanted as the address says */
  return (newest, wanted) => {
    answer = newest;
    if (wanted && !panel.open) panel.open = true;
    offer(wanted);
    void load();
  };
}

/** The best recipe's newest run that counts and the next one's; else the first two. @param {Answer} answer @returns {[number, number]|null} */
function preferred({ runs, verdict }) {
  const runOf = (/** @type {string|null} */ recipe) => runs.find((run) => run.recipe === recipe && run.counted)?.id;
  const [best, next] = [runOf(verdict.best), runOf(verdict.runner_up)];
  if (best && next) return [best, next];
  const some = runs.filter(({ epoch }) => epoch).map(({ id }) => id);
  return some.length > 1 ? [some[0], some[1]] : null;
}

/** @param {Models} found */
function draw(found) {
  const facts = [
    ["Difference", `${points(found.difference)} (95% interval ${signed(found.low * 100, 2)} to ${signed(found.high * 100, 2)})`],
    ["Exact McNemar test", `p ${found.p < 0.001 ? "" : "= "}${pShown(found.p)}`],
    [modelTitle(found.first), `${percent(found.first.accuracy)}%`],
    [modelTitle(found.second), `${percent(found.second.accuracy)}%`],
  ];
  return [
    element("p", { class: "told", role: "status", text: found.text }),
    element("dl", { class: "facts" }, ...facts.map(([title, text]) => element("div", {}, element("dt", { text: title }), element("dd", { text })))),
    element("p", { class: "muted small", text: smallestText(found) }),
    element("div", { class: "side-by-side" }, square(found), classes(found)),
    ...confusion(found),
    ...gallery(`Only ${modelTitle(found.first).toLowerCase()} got these`, found.only_first),
    ...gallery(`Only ${modelTitle(found.second).toLowerCase()} got these`, found.only_second),
  ];
}

/** The 2 x 2 table. @param {Models} found */
function square({ first, second, table, images }) {
  const head = (/** @type {string} */ text, scope = "col") => element("th", { scope, class: scope === "col" ? "number" : null, text });
  const cell = (/** @type {number} */ number, strong = false) => element("td", { class: `number${strong ? " strong" : ""}`, text: count(number) });
  return element(
    "table",
    { class: "tight square" },
    element("caption", { text: `${counted(images, "test image")}: who is right` }),
    element("thead", {}, element("tr", {}, element("td"), head(`${modelTitle(second)} right`), head("wrong"))),
    element(
      "tbody",
      {},
      element("tr", {}, head(`${modelTitle(first)} right`, "row"), cell(table.both_right), cell(table.only_first, true)),
      element("tr", {}, head("wrong", "row"), cell(table.only_second, true), cell(table.both_wrong)),
    ),
  );
}

/** @param {Models} found */
function classes(found) {
  const rows = byDifference(found);
  const body = element("tbody");
  const fill = (/** @type {number} */ most) =>
    body.replaceChildren(
      ...rows.slice(0, most).map(({ name, images, first, second, difference }) =>
        element(
          "tr",
          {},
          element("th", { scope: "row", text: name }),
          ...[percent(first), percent(second)].map((text) => element("td", { class: "number", text })),
          element("td", { class: "number strong", text: signed(Number(difference) * 100, 1) }),
          element("td", { class: "number muted", text: count(images) }),
        ),
      ),
    );
  const more = element("button", { class: "link", type: "button", text: `Show all ${count(rows.length)}`, hidden: rows.length <= FIRST_CLASSES });
  more.addEventListener("click", () => {
    fill(rows.length);
    more.hidden = true;
  });
  fill(FIRST_CLASSES);
  const heads = ["Class", `Run ${found.first.run}, %`, `Run ${found.second.run}, %`, "Difference", "Images"];
  return element(
    "div",
    { class: "wide-scroll", tabindex: "0", role: "region", "aria-label": "By class, the largest difference first" },
    element("table", { class: "tight" }, element("caption", { text: "By class, the largest difference first" }), element("thead", {}, element("tr", {}, ...heads.map((text, place) => element("th", { scope: "col", class: place ? "number" : null, text })))), body),
    more,
  );
}

/** Where the first answers a class more often, and where less. @param {Models} found @returns {Node[]} */
function confusion({ first, second, classes: all, confusion_difference: matrix }) {
  const title = `Confusion of run ${first.run} minus that of run ${second.run}, in images`;
  if (!matrix || all.length > MATRIX_CLASSES) return [element("p", { class: "muted small", text: `${title}: not drawn for ${count(all.length)} classes; the service sends it for up to 100.` })];
  const largest = largestOf(matrix);
  const head = element("tr", {}, element("th", { scope: "col", text: "True class" }), ...all.map(({ name }) => element("th", { scope: "col", class: "number", text: name })));
  const rows = matrix.map((row, place) => {
    const cells = row.map((value, column) => {
      const tint = tintOf(value, largest);
      // More of the right answers is good, more of a wrong one is not.
      const good = column === place ? tint > 0 : tint < 0;
      return element("td", { class: `number${tint ? ` ${good ? "better" : "worse"}-${Math.abs(tint)}` : " muted"}`, title: `${all[place].name} taken for ${all[column].name}`, text: signed(value, 0) });
    });
    return element("tr", {}, element("th", { scope: "row", text: all[place].name }), ...cells);
  });
  const table = element("table", { class: "tight difference" }, element("caption", { text: `${title}: blue where run ${first.run} does better, red where worse` }), element("thead", {}, head), element("tbody", {}, ...rows));
  return [element("div", { class: "wide-scroll", tabindex: "0", role: "region", "aria-label": title }, table)];
}

/** @param {string} title @param {Models["only_first"]} got @returns {Node[]} */
function gallery(title, { count: all, images }) {
  const pictured = images.filter(({ href }) => href);
  const others = images.filter(({ href }) => !href);
  const numbers = others.slice(0, FIRST_NUMBERS).map(({ number }) => count(number));
  const rest = all - pictured.length - numbers.length;
  const tiles = pictured.map(({ number, true: right, taken_for: wrong, href }) =>
    element(
      "li",
      {},
      element("img", { src: href, width: SIDE, height: SIDE, loading: "lazy", decoding: "async", alt: `Test image ${count(number)}: ${right}, which the other took for ${wrong}` }),
      element("span", { text: `${right}, not ${wrong}` }),
      element("span", { class: "muted", text: `#${number}` }),
    ),
  );
  const listed = numbers.length ? `${pictured.length ? "Without a picture: " : "No pictures of these are kept; their numbers in the test set: "}${numbers.join(", ")}${rest > 0 ? ` and ${count(rest)} more` : ""}.` : "";
  return [
    element("h3", { text: `${title}: ${counted(all, "image")}` }),
    ...(tiles.length ? [element("ul", { class: "got" }, ...tiles)] : []),
    ...(listed ? [element("p", { class: "muted small", text: listed })] : []),
  ];
}


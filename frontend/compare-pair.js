/** The panel of two recipes: Welch's test, the paired difference, and the seeds that would settle it with a button that queues them. */

import { get } from "./api.js";
import { createSeedLaunch, missingText } from "./compare-launch.js";
import { points, pShown, signed } from "./compare-models-model.js";
import { watchTwo } from "./compare-two.js";
import { askedOf } from "./compare-view.js";
import { byId, element, setText } from "./dom.js";
import { counted, percent } from "./format.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {import("./compare-view.js").View} View */
/** @typedef {{difference: number, low: number, high: number, t: number, df: number, p: number}} Test */
/** @typedef {{recipe: string, label: string, n: number, mean: number|null, seeds: number[], values: number[]}} Side */
/** @typedef {{first: Side, second: Side, difference: number|null, welch: Test|null, p: number|null, family: number, separated: boolean|null,
 *    paired: {seeds: number[], difference: number, test: Test|null}|null, told: string,
 *    settle: {kind: string, further: number|null, power: number|null, most: number, text: string, caution: string, seeds: Answer["verdict"]["more_seeds"]}}} Pair */

/** @param {{onChosen: (pair: [string, string]|null) => void, onLaunched: (runs: number[], tone: "good"|"bad", content: (Node|string)[]) => void}} options */
export function createPair({ onChosen, onLaunched }) {
  const [panel, first, second, place, button] = ["pair", "pair-first", "pair-second", "pair-found", "pair-launch"].map(byId);
  /** @type {Answer|null} */ let answer = null;
  /** @type {View|null} */ let view = null;
  /** @type {Pair|null} */ let found = null;
  let shown = "";
  let offered = "";

  const chosen = () => /** @type {[string, string]} */ ([first.value, second.value]);

  const load = async () => {
    if (!panel.open || !answer || !view || !first.value) return;
    const query = askedOf(view);
    const [one, other] = chosen();
    if (one === other) {
      [shown, found] = ["", null];
      showSettle();
      return place.replaceChildren(element("p", { class: "hollow", text: "Choose two different recipes." }));
    }
    for (const [name, text] of [["first", one], ["second", other], ["value", view.value]]) query.set(name, text);
    // What has come since then may have changed the test.
    const key = `${query} ${answer.runs.map(({ counted: counts, values }) => `${counts}${values.test_acc.value}`).join()}`;
    if (key === shown) return;
    shown = key;
    try {
      const told = await get(`/api/compare/pair?${query}`);
      if (shown !== key) return;
      found = told;
      place.replaceChildren(...draw(told));
      showSettle();
    } catch (problem) {
      if (shown !== key) return;
      [shown, found] = ["", null];
      byId("settle").hidden = true;
      place.replaceChildren(element("p", { class: "hollow", text: problem.message }));
    }
  };

  const showSettle = () => {
    byId("settle").hidden = !found;
    if (!found) return;
    const { settle } = found;
    setText(byId("settle-text"), settle.text);
    setText(byId("settle-caution"), settle.seeds.length ? settle.caution : "");
    button.hidden = !settle.seeds.length;
    if (!button.getAttribute("aria-disabled")) setText(button, captionOf(settle.seeds));
  };

  createSeedLaunch({ button, entries: () => found?.settle.seeds ?? [], caption: captionOf, onDone: onLaunched });

  const offer = () => {
    if (!answer || !panel.open) return;
    const { items, verdict } = answer;
    const key = JSON.stringify(items.map(({ recipe, label }) => [recipe, label]));
    if (key !== offered) {
      offered = key;
      const before = chosen();
      for (const select of [first, second]) select.replaceChildren(...items.map(({ recipe, label }) => element("option", { value: recipe, text: label })));
      const known = (/** @type {string} */ recipe) => items.some((item) => item.recipe === recipe);
      const named = verdict.best && verdict.runner_up ? [verdict.best, verdict.runner_up] : items.slice(0, 2).map(({ recipe }) => recipe);
      [first.value, second.value] = before.every(known) ? before : named;
    }
    byId("pair-choose").hidden = items.length < 2;
    if (items.length < 2) place.replaceChildren(element("p", { class: "hollow", text: "Two recipes are needed." }));
  };

  watchTwo({ panel, selects: [first, second], offer, chosen, onChosen, load });

  /** @param {Answer} newest @param {View} wanted */
  return (newest, wanted) => {
    [answer, view] = [newest, wanted];
    if (wanted.pair && !panel.open) panel.open = true;
    offer();
    if (wanted.pair?.every((recipe) => newest.items.some((item) => item.recipe === recipe))) [first.value, second.value] = wanted.pair;
    void load();
  };
}

/** @param {Answer["verdict"]["more_seeds"]} seeds */
function captionOf(seeds) {
  const all = seeds.reduce((sum, one) => sum + one.seeds.length, 0);
  return all <= 6 ? `Queue ${missingText(seeds)}` : `Queue ${counted(all, "more run")}: ${seeds.map(({ label, seeds: own }) => `${own.length} of ${label}`).join(", ")}`;
}

/** @param {Pair} pair */
function draw({ first, second, welch, p, family, paired, told }) {
  const facts = [
    ...[first, second].map(({ label, mean, n, values }) => [label, mean === null ? "no completed run" : `${percent(mean)}%, mean of ${counted(n, "independent run")}${n > 1 && n <= 5 ? ` (${values.map(percent).join(", ")})` : ""}`]),
    ...(welch ? [["Welch’s t-test, decides", testText(welch)]] : []),
    ...(p === null ? [] : [["Corrected by Holm", `p ${p < 0.001 ? "" : "= "}${pShown(p)}, family of ${counted(family, "pair")} on this page`]]),
    ...(paired ? [["Paired by seed, informs", paired.test ? `${testText(paired.test)}; seeds ${paired.seeds.join(", ")}` : `${points(paired.difference)} at ${paired.seeds.length === 1 ? `seed ${paired.seeds[0]}, one is no test` : `every one of ${paired.seeds.length} seeds`}`]] : []),
  ];
  return [element("p", { class: "told", role: "status", text: told }), element("dl", { class: "facts stacked" }, ...facts.map(([title, text]) => element("div", {}, element("dt", { text: title }), element("dd", { text }))))];
}

/** @param {Test} test */
const testText = ({ difference, low, high, t, df, p }) =>
  `${points(difference)} (95% interval ${signed(low * 100, 2)} to ${signed(high * 100, 2)}), t = ${signed(t, 2)} with ${df.toFixed(1)} degrees of freedom, p ${p < 0.001 ? "" : "= "}${pShown(p)}`;

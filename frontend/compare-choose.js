/** Choosing what to compare: the newest recipes that have a curve, to tick. */

import { get } from "./api.js";
import { createList, element, setText } from "./dom.js";
import { count, counted } from "./format.js";
import { comparable } from "./members.js";
import { accuracyShown, lineOf, standingOf } from "./runs-recipes-model.js";
import { createSelection } from "./runs-selection.js";

/** @typedef {import("./runs-recipes-model.js").Shown} Shown */

const OFFERED = 40;
const TYPING_MS = 250;

/** @param {{place: HTMLElement, verb: string, onChosen: (runs: number[]) => void, onError: (message: string) => void}} options */
export function createChooser({ place, verb, onChosen, onError }) {
  const search = element("input", { class: "find", type: "search", maxlength: 200, placeholder: "Name, model, data set, #number", "aria-label": "Filter the recipes", autocomplete: "off", spellcheck: "false" });
  const rows = element("ul", { class: "offers" });
  const none = element("p", { class: "hollow", hidden: true });
  const submit = element("button", { class: "button primary", type: "button", onclick: () => onChosen([...selection.ids]) });
  place.append(search, rows, none, element("div", { class: "choose-foot" }, submit));
  /** @type {Shown[]} */ let offers = [];
  /** @type {Set<number>} */ let here = new Set();

  const selection = createSelection({ onError, onChange: render });
  const list = createList(rows, ({ recipe }) => recipe.recipe, () => {
    const box = selection.box();
    const name = element("b");
    const line = element("span", { class: "recipe" });
    const accuracy = element("span", { class: "offer-accuracy" });
    box.node.append(element("span", { class: "offer" }, name, line), accuracy);
    const update = (/** @type {Shown} */ shown) => {
      const { value, extra } = accuracyShown(shown);
      box.update(comparable(shown.runs), `${shown.recipe.name}, ${lineOf(shown)}`);
      setText(name, shown.recipe.name);
      setText(line, `${lineOf(shown)} · ${shown.recipe.total > 1 ? standingOf(shown).text : `run ${shown.runs[0].id}`}`);
      // An interval belongs to its number; anything else stands apart from it.
      setText(accuracy, value ? [`${value}%`, extra].filter(Boolean).join(/[–±]/.test(extra) ? " " : " · ") : "");
    };
    return { node: element("li", {}, box.node), update };
  });

  function render() {
    list(offers);
    none.hidden = offers.length > 0;
    setText(none, search.value ? `No recipe matches “${search.value.trim()}”.` : "No further recipe has an epoch to compare yet.");
    const chosen = offers.filter(({ runs }) => comparable(runs).some((id) => selection.ids.has(id))).length;
    setText(submit, chosen ? `${verb} ${counted(chosen, "recipe")} (${count(selection.ids.size)} runs)` : `${verb} what is ticked`);
    submit.disabled = !selection.ids.size;
  }

  /** Which load is the newest: an answer that another one overtook is not shown. */
  let asked = 0;

  const load = async () => {
    const mine = ++asked;
    const query = new URLSearchParams({ limit: String(OFFERED), ...(search.value.trim() ? { q: search.value.trim() } : {}) });
    try {
      const page = await get(`/api/recipes?${query}`);
      if (mine !== asked) return;
      const found = page.recipes
        .map((/** @type {any} */ { runs, ...recipe }) => ({ recipe, runs }))
        .filter((/** @type {Shown} */ { runs }) => runs.some(({ curve }) => curve.length) && comparable(runs).some((id) => !here.has(id)));
      const kept = offers.filter(({ recipe, runs }) => comparable(runs).some((id) => selection.ids.has(id)) && !found.some((/** @type {Shown} */ one) => one.recipe.recipe === recipe.recipe));
      offers = [...kept, ...found];
      render();
    } catch (problem) {
      if (mine === asked) onError(problem.message);
    }
  };

  /** @type {ReturnType<typeof setTimeout>|undefined} */ let typing;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(load, TYPING_MS);
  });

  return {
    /** @param {number[]} shown runs that are compared already */
    open(shown) {
      clearTimeout(typing);
      here = new Set(shown);
      search.value = "";
      offers = [];
      selection.clear();
      return load();
    },
  };
}

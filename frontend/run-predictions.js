/** What a run predicted after its last or its best epoch: loads it, and keeps which of the two in the address. */

import { get, mayPass } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { createConfusion } from "./confusion.js";
import { byId } from "./dom.js";
import { createMistakes } from "./mistakes.js";

const REFRESH_MS = 2000; // a table of a hundred numbers need not follow short epochs one by one
const NO_BEST = "No epoch is the best: no test accuracy was a number";

/** @param {number} run */
export function createPredictions(run) {
  const section = byId("predictions");
  const buttons = [...byId("which").children];
  const confusion = createConfusion();
  const mistakes = createMistakes();
  let which = new URLSearchParams(location.search).get("which") === "best" ? "best" : "last";
  let there = false;
  /** Which load is the newest: an answer that another one overtook is not shown. */
  let asked = 0;

  const load = async () => {
    const mine = ++asked;
    try {
      const found = await Promise.all(["predictions", "mistakes"].map((part) => get(`/api/runs/${run}/${part}?which=${which}`)));
      if (mine === asked && there) show(found[0], found[1]);
    } catch (problem) {
      if (mayPass(problem)) throw problem;
      if (mine === asked) showNone();
    }
  };
  const loadSoon = createCoalescer(load, REFRESH_MS);

  /** @param {import("./confusion-model.js").Predictions} predicted @param {import("./mistakes-model.js").Mistakes} wrong */
  const show = (predicted, wrong) => {
    section.hidden = false;
    confusion.show(predicted);
    mistakes.show(wrong, which);
  };

  /** The choice stays where the last epoch has what the best has not. */
  const showNone = () => {
    section.hidden = which === "last" || !there;
    confusion.hide(NO_BEST);
    mistakes.hide();
  };

  const mark = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.which === which));
  };

  for (const button of buttons)
    button.addEventListener("click", () => {
      which = button.dataset.which;
      mark();
      const address = new URL(location.href);
      if (which === "best") address.searchParams.set("which", which);
      else address.searchParams.delete("which");
      history.replaceState(null, "", address);
      load().catch(loadSoon); // a person waits for it; what fails is tried again
    });
  mark();

  /** Show what is predicted now; `some`: whether an epoch is done, for before that there is nothing to ask for. */
  const follow = (/** @type {boolean} */ some) => {
    there = some;
    if (some) loadSoon();
    else section.hidden = true;
  };
  return { follow };
}

/** What was found of runs on the Runs page: the mark of a row, and the choice of what rows are shown by. */

import { get } from "./api.js";
import { byId, element, setAttribute, setText } from "./dom.js";
import { KINDS, markOf } from "./runs-marks-model.js";

/** The mark of a row; hidden where nothing was found. */
export function createMark() {
  const words = element("span");
  const spoken = element("span", { class: "spoken" });
  const node = element("span", { class: "chip mark", hidden: true }, words, spoken);
  /** @param {import("./types.js").Run[]} runs */
  const update = (runs) => {
    const mark = markOf(runs);
    node.hidden = !mark;
    if (!mark) return;
    node.classList.toggle("warn", mark.severity === "sick");
    setAttribute(node, "data-severity", mark.severity);
    setAttribute(node, "title", mark.title);
    setText(words, mark.text);
    setText(spoken, `. ${mark.title}`);
  };
  return { node, update };
}

/** The choice of what was found. An address may ask for a rule before the rules are here.
 *  @param {{wanted: string, onChosen: (wanted: string) => void, onError: (message: string) => void}} options */
export function createMarkFilter({ wanted, onChosen, onError }) {
  const select = byId("finding");
  const kinds = KINDS.map(({ name, title }) => element("option", { value: name, text: title }));
  const rules = element("optgroup", { label: "Found by a rule" });
  select.replaceChildren(...kinds, rules);
  if (wanted && !KINDS.some(({ name }) => name === wanted)) rules.append(element("option", { value: wanted, text: wanted.replaceAll("-", " ") }));
  const show = (/** @type {string} */ now) => {
    select.value = now;
    select.classList.toggle("chosen", now !== "");
  };
  select.addEventListener("change", () => {
    show(select.value);
    onChosen(select.value);
  });
  show(wanted);
  const load = async () => {
    const found = (await get("/api/findings/rules")).rules.filter((/** @type {{of_one_run: boolean}} */ { of_one_run }) => of_one_run);
    const now = select.value;
    rules.replaceChildren(...found.map((/** @type {{name: string, title: string, meaning: string}} */ { name, title, meaning }) => element("option", { value: name, text: title, title: meaning })));
    show([...select.options].some(({ value }) => value === now) ? now : "");
    if (select.value !== now) onChosen("");
  };
  load().catch((/** @type {Error} */ problem) => onError(problem.message));
}

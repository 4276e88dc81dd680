/** One field of the launch page: a labelled input or select that marks what differs, takes several values, and tells what is wrong. */

import { element, setAttribute, setText } from "./dom.js";
import { inWords } from "./launch-plan.js";
import { parts } from "./launch-values.js";

/** @typedef {import("./launch-plan.js").Plan} Plan */
/** @typedef {{value: string, text: string}} Option */
/** @typedef {ReturnType<typeof createField>} Field */

/** @param {{plan: Plan, unit?: string, help?: string, options?: Option[]|null, list?: string, onInput: () => void}} wish
 *  `options` makes it a select, which several values can be ticked in once it is varied */
export function createField({ plan, unit, help = "", options = null, list, onInput }) {
  const id = idOf(plan.path);
  const shared = { id, name: plan.path, "aria-describedby": `${id}-problem ${id}-help`, autocomplete: "off", spellcheck: "false" };
  const input = options
    ? element("select", shared)
    : element("input", { ...shared, type: "text", inputmode: plan.kind === "number" || plan.kind === "run" ? "decimal" : null, list });
  const ticks = element("div", { class: "ticks", role: "group", "aria-labelledby": `${id}-label`, "aria-describedby": `${id}-problem ${id}-help`, hidden: true });
  const back = element("button", { class: "link back", type: "button", hidden: true });
  const vary = element("button", { class: "link vary", type: "button", text: "vary", "aria-label": `Vary ${plan.label}`, title: `Several values of ${plan.label.toLowerCase()}: a run for each` });
  const several = element("span", { class: "several", hidden: true });
  const helpLine = element("div", { class: "help", id: `${id}-help`, text: help });
  const problem = element("div", { class: "problem", id: `${id}-problem`, hidden: true });
  const box = element("div", { class: "box" }, input);
  if (unit) box.append(element("span", { class: "unit", text: unit }));
  const label = element("label", { for: id, id: `${id}-label`, text: plan.label });
  const head = element("div", { class: "head" }, label, several, back);
  if (options && !plan.one) head.append(vary);
  const node = element("div", { class: "field", "data-path": plan.path }, head, box, ticks, problem, helpLine);
  /** @type {Option[]} */ let offered = options ?? [];
  /** @type {string|null} */ let base = null;
  let varied = false;
  const fill = () => {
    input.replaceChildren(...offered.map(({ value, text }) => element("option", { value, text })));
    vary.hidden = offered.length < 2;
  };
  if (options) fill();

  const boxes = () => /** @type {HTMLInputElement[]} */ ([...ticks.querySelectorAll("input")]);
  const texts = () => (varied ? boxes().filter(({ checked }) => checked).map(({ value }) => value) : [input.value]);
  // Whether it is here is said in the list.
  const word = (/** @type {string} */ text) => offered.find(({ value }) => value === text)?.text.replace(/ \(not here\)$/, "") ?? inWords(plan, text);
  const isSame = () => {
    const [only, ...more] = texts();
    return more.length === 0 && only !== undefined && sameText(only, base ?? "", plan.kind === "number");
  };

  /** Say what the field holds: another value than the base, several. */
  const mark = () => {
    const number = varied ? texts().length : plan.kind === "number" || plan.kind === "node" ? parts(input.value).length : 1;
    const differs = base !== null && !isSame();
    node.classList.toggle("differs", differs);
    back.hidden = !differs;
    several.hidden = number < 2;
    setText(several, `${number} values`);
    setText(back, `↺ ${word(base ?? "")}`);
    setAttribute(back, "aria-label", `${plan.label}: put ${word(base ?? "")} back`);
    setAttribute(back, "title", `Put ${word(base ?? "")} back`);
  };

  /** What is wrong is wrong of what the person sees: the ticks, or the field. */
  const markWrong = () => {
    const wrong = problem.hidden ? null : "true";
    for (const one of [input, ...boxes()]) setAttribute(one, "aria-invalid", varied === (one !== input) ? wrong : null);
  };

  const showVaried = (/** @type {boolean} */ on) => {
    varied = on;
    ticks.hidden = !on;
    box.hidden = on;
    setText(vary, on ? "one value" : "vary");
    vary.setAttribute("aria-label", `${on ? "One value of" : "Vary"} ${plan.label}`);
    setAttribute(label, "for", on ? null : id); // the group of ticks is named by it
    markWrong();
  };

  const fillTicks = (/** @type {string[]} */ checked) =>
    ticks.replaceChildren(...offered.filter(({ value }) => isTickable(plan, value)).map(({ value, text }) => {
      const tick = element("input", { type: "checkbox", value });
      tick.checked = checked.includes(value);
      return element("label", {}, tick, element("span", { text }));
    }));

  /** @param {string[]} values one, or several where they can be ticked */
  const set = (values) => {
    if (options && values.length > 1) {
      fillTicks(values);
      showVaried(true);
    } else {
      if (varied) showVaried(false);
      input.value = values.join(", ");
    }
    mark();
  };

  /** @param {string} message empty takes it away */
  const tellWrong = (message) => {
    node.classList.toggle("wrong", Boolean(message));
    problem.hidden = !message;
    setText(problem, message);
    markWrong();
  };

  node.addEventListener("input", () => {
    tellWrong("");
    mark();
    onInput();
  });
  vary.addEventListener("click", () => {
    const now = texts();
    if (!varied) fillTicks(now);
    else input.value = now[0] ?? base ?? "";
    showVaried(!varied);
    mark();
    (varied ? boxes()[0] : input)?.focus();
    onInput();
  });
  back.addEventListener("click", () => {
    set([base ?? ""]);
    tellWrong("");
    (input.offsetParent ? input : node.querySelector("button"))?.focus();
    onInput();
  });

  return {
    plan, node, input, texts, set, tellWrong, word,
    /** What the options say, for summaries. */
    words: () => Object.fromEntries(offered.map(({ value }) => [value, word(value)])),
    /** Put the value of the base back. */
    reset: () => set([base ?? ""]),
    /** What the person changed stays; the rest follows. @param {string} text */
    setBase(text) {
      const untouched = base === null || isSame();
      base = text;
      if (untouched) set([text]);
      mark();
    },
    /** What was chosen stays chosen where it is still offered; else the base's, else the first. @param {Option[]} next */
    offer(next) {
      const before = texts();
      const isKept = before.every((text) => next.some(({ value }) => value === text));
      if (isKept && JSON.stringify(next) === JSON.stringify(offered) && next.length) return; // an open list must not close
      offered = next;
      fill();
      const still = before.filter((text) => next.some(({ value }) => value === text));
      const usual = next.find(({ value }) => value === base)?.value ?? next[0]?.value ?? "";
      if (varied) {
        fillTicks(still);
        markWrong();
        mark();
      } else set(still.length ? still : [usual]);
    },
    /** @param {...(Node|string)} content */
    tell(...content) {
      helpLine.replaceChildren(...content);
    },
    focus: () => (varied ? boxes()[0] : input)?.focus(),
  };
}

/** What cannot be one of several: no features at all, and a run whose number is asked for. @param {Plan} plan @param {string} value */
const isTickable = ({ kind }, value) => !(kind === "network" && value === "") && !(kind === "weights" && value === "run");

/** The id of a field's input. @param {string} path */
export const idOf = (path) => `field-${path.replaceAll(".", "-")}`;

/** "0.10" is 0.1. @param {string} typed @param {string} base @param {boolean} isNumber */
function sameText(typed, base, isNumber) {
  if (typed.trim() === base) return true;
  return isNumber && typed.trim() !== "" && base !== "" && Number(typed) === Number(base);
}

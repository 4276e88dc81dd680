/** The parts of the launch form: a labelled field that marks what differs from the preset, and choices. */

import { element, setText } from "./dom.js";
import { asText } from "./launch-form.js";

/** @typedef {{node: any, input: any, set: (text: string) => void, setBase: (value: any) => void,
 *   markWrong: (wrong: boolean) => void}} Field */

/** @param {{name: string, label: string, unit?: string, help?: string, placeholder?: string, numeric?: boolean, list?: string,
 *    options?: {value: string, text: string}[]}} plan
 *  @returns {Field} */
export function createField({ name, label, unit, help, placeholder, numeric, list, options }) {
  const id = `field-${name.replaceAll(".", "-")}`;
  const shared = { id, name, "aria-describedby": `${id}-help`, autocomplete: "off", spellcheck: "false" };
  const input = options
    ? element("select", shared, ...options.map(({ value, text }) => element("option", { value, text })))
    : element("input", { ...shared, type: "text", inputmode: numeric ? "decimal" : null, placeholder, list });
  const changed = element("button", { class: "link changed", type: "button", hidden: true, title: "Put the preset's value back" });
  const box = element("div", { class: "box" }, input);
  if (unit) box.append(element("span", { class: "unit", text: unit }));
  const node = element(
    "div",
    { class: "field" },
    element("div", { class: "head" }, element("label", { for: id, text: label }), changed),
    box,
    element("div", { class: "help", id: `${id}-help`, text: help ?? "" }),
  );
  /** @type {string|null} */ let base = null;

  /** The preset's value in the words of the field. */
  const baseText = () => {
    const option = options && [...input.options].find(({ value }) => value === base);
    return base === "" ? "all" : (option?.text ?? base);
  };
  const mark = () => {
    const differs = base !== null && !sameText(input.value, base, Boolean(numeric));
    node.classList.toggle("differs", differs);
    changed.hidden = !differs;
    setText(changed, `preset: ${baseText()}`);
    if (differs) changed.setAttribute("aria-label", `${label}: put the preset's ${base === "" ? "empty field" : baseText()} back`);
  };
  const set = (/** @type {string} */ text) => {
    input.value = text;
    mark();
  };
  const markWrong = (/** @type {boolean} */ wrong) => {
    node.classList.toggle("wrong", wrong);
    if (wrong) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => {
    markWrong(false);
    mark();
  });
  changed.addEventListener("click", () => {
    set(base ?? "");
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  });

  /** What the person changed stays; the rest follows the preset. @param {any} value */
  const setBase = (value) => {
    const untouched = base === null || sameText(input.value, base, Boolean(numeric));
    base = asText(value);
    if (untouched) input.value = base;
    mark();
  };
  return { node, input, set, setBase, markWrong };
}

/** "0.10" is 0.1. @param {string} typed @param {string} base @param {boolean} numeric */
function sameText(typed, base, numeric) {
  if (typed.trim() === base) return true;
  return numeric && typed.trim() !== "" && base !== "" && Number(typed) === Number(base);
}

/** Cards with a radio button each. @param {string} name @param {{value: string, title: string, note: string}[]} choices */
export function createCards(name, choices) {
  return choices.map(({ value, title, note }) =>
    element(
      "label",
      { class: "preset" },
      element("input", { type: "radio", name, value }),
      element("span", {}, element("b", { text: title }), element("span", { text: note })),
    ),
  );
}

/** Two or three choices beside each other. @param {string} name @param {string} legend @param {{value: string, title: string}[]} choices */
export function createSegments(name, legend, choices) {
  const segments = choices.map(({ value, title }) =>
    element("label", {}, element("input", { type: "radio", name, value }), title),
  );
  return element("fieldset", {}, element("legend", { text: legend }), element("div", { class: "segments" }, ...segments));
}

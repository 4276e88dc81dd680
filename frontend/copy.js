/** A quiet button that puts a text on the clipboard and says whether it did. */

import { element, setText } from "./dom.js";

const SAID_MS = 3000;

/** @param {string} label @param {() => string} text @param {string} [spoken] the name for a screen reader, where the label is short */
export function copyButton(label, text, spoken) {
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;
  const said = element("span", { class: "muted small", role: "status" });
  const copy = async () => {
    clearTimeout(timer);
    try {
      await navigator.clipboard.writeText(text());
      setText(said, "Copied");
    } catch {
      setText(said, "The browser did not allow copying here");
    }
    timer = setTimeout(() => setText(said, ""), SAID_MS);
  };
  return element("span", { class: "copy" }, element("button", { class: "quiet", type: "button", text: label, "aria-label": spoken ?? null, onclick: copy }), said);
}

/** The same launch as curl, by the command line and in Python: tabs, and a button that copies. */

import { copyButton } from "./copy.js";
import { byId, element, setText } from "./dom.js";

/** @typedef {"curl"|"cli"|"python"} Language */
const LANGUAGES = /** @type {{name: Language, title: string, note: string}[]} */ ([
  { name: "cli", title: "Command line", note: "It finds the service and its token by itself on this machine." },
  { name: "curl", title: "curl", note: "RUNYARD_TOKEN must hold a token: your own, or the operator's, which stands in the file “token” of the service's home folder." },
  { name: "python", title: "Python", note: "Where Runyard is installed; the client finds the token as the command line does." },
]);

export function createSnippets() {
  const place = byId("snippets");
  const code = element("code");
  const pre = element("pre", { tabindex: "0", "aria-label": "The launch as a snippet" }, code);
  const note = element("p", { class: "help" });
  const panel = element("div", { role: "tabpanel", id: "snippet", "aria-labelledby": "tab-cli" }, pre, note);
  /** @type {Object<string, string>} */ let texts = {};
  let shown = 0;

  const tabs = LANGUAGES.map(({ name, title }, index) =>
    element("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "snippet", text: title, onclick: () => show(index) }),
  );
  const show = (/** @type {number} */ index) => {
    shown = (index + LANGUAGES.length) % LANGUAGES.length;
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === shown));
      tab.tabIndex = at === shown ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `tab-${LANGUAGES[shown].name}`);
    setText(code, texts[LANGUAGES[shown].name] ?? "");
    setText(note, LANGUAGES[shown].note);
  };
  const bar = element("div", { class: "tabs", role: "tablist", "aria-label": "Language" }, ...tabs);
  bar.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(shown + step);
    tabs[shown].focus();
  });
  place.append(element("div", { class: "tab-line" }, bar, copyButton("Copy", () => code.textContent, "Copy the snippet")), panel);
  show(0);

  return {
    /** @param {Object<string, string>} found by language */
    take(found) {
      texts = found;
      show(shown);
    },
  };
}

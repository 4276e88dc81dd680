/** A quiet button that asks before it acts: the question stands over it, so that nothing moves. */

import { element, setAttribute, setText } from "./dom.js";

/** @param {{action: string, label: string, confirm: string, keep?: string, danger?: boolean, asks?: () => boolean,
 *    act: () => Promise<void>, onError: (message: string) => void}} options
 *  `asks`: whether a second click is wanted now; always, where it is left out */
export function createQuestion({ action, label, confirm: yes, keep: no = "Keep", danger = true, asks = () => true, act, onError }) {
  const ask = element("button", { class: "quiet", type: "button", text: label, "data-action": action });
  const confirm = element("button", { class: danger ? "quiet danger" : "quiet", type: "button", text: yes, "data-action": `confirm-${action}` });
  const keep = element("button", { class: "quiet", type: "button", text: no, "data-action": "keep" });
  // Over the quiet button, not beside it: a question must not move the columns of the table.
  const question = element("span", { class: "question", hidden: true }, confirm, keep);
  const node = element("span", { class: "cancel" }, ask, question);

  /** @param {boolean} asking */
  const show = (asking) => {
    node.classList.toggle("asking", asking);
    question.hidden = !asking;
  };

  const run = async () => {
    if (ask.disabled) return;
    ask.disabled = confirm.disabled = true;
    try {
      await act();
    } catch (problem) {
      onError(problem.message);
    } finally {
      ask.disabled = confirm.disabled = false;
      show(false);
    }
  };
  const putBack = () => {
    show(false);
    ask.focus();
  };

  ask.addEventListener("click", () => {
    if (!asks()) return void run();
    show(true);
    confirm.focus();
  });
  confirm.addEventListener("click", () => void run());
  keep.addEventListener("click", putBack);
  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && !question.hidden) putBack();
  });
  node.addEventListener("focusout", (/** @type {FocusEvent} */ event) => {
    if (event.relatedTarget && !node.contains(event.relatedTarget)) show(false);
  });

  /** Say for a screen reader what it is about. @param {string} subject */
  const name = (subject) => {
    ask.setAttribute("aria-label", `${label} ${subject}`);
    confirm.setAttribute("aria-label", `${yes}: ${subject}`);
  };
  /** Say it in other words. @param {string} asked @param {string} agreed */
  const relabel = (asked, agreed) => {
    label = asked;
    yes = agreed;
    setText(ask, asked);
    setText(confirm, agreed);
  };
  /** Say on hovering what it does. @param {string} title */
  const hint = (title) => setAttribute(ask, "title", title);
  return { node, name, relabel, hint, close: () => show(false) };
}

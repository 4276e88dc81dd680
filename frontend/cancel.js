/** The quiet cancel button: at once for a run that waits, after a second click for one that runs. */

import { post } from "./api.js";
import { element } from "./dom.js";
import { runTitle } from "./format.js";
import { isCancellable } from "./progress.js";

/** @typedef {import("./types.js").Run} Run */

/** @param {{onChanged: (run: Run) => void, onError: (message: string) => void}} options */
export function createCancel({ onChanged, onError }) {
  /** @type {Run|null} */ let run = null;
  const ask = element("button", { class: "quiet", type: "button", text: "Cancel", "data-action": "cancel" });
  const confirm = element("button", { class: "quiet danger", type: "button", text: "Stop the run", "data-action": "confirm-cancel" });
  const keep = element("button", { class: "quiet", type: "button", text: "Keep", "data-action": "keep" });
  // Over the quiet button, not beside it: a question must not move the columns of the table.
  const question = element("span", { class: "question", hidden: true }, confirm, keep);
  const node = element("span", { class: "cancel" }, ask, question);

  /** @param {boolean} asking */
  const showQuestion = (asking) => {
    node.classList.toggle("asking", asking);
    question.hidden = !asking;
  };

  const cancel = async () => {
    if (!run || ask.disabled) return;
    ask.disabled = confirm.disabled = true;
    try {
      onChanged(await post(`/api/runs/${run.id}/cancel`));
    } catch (problem) {
      onError(problem.message);
    } finally {
      ask.disabled = confirm.disabled = false;
      showQuestion(false);
    }
  };

  ask.addEventListener("click", () => {
    if (run?.state !== "running") return void cancel();
    showQuestion(true);
    confirm.focus();
  });
  confirm.addEventListener("click", () => void cancel());
  const putBack = () => {
    showQuestion(false);
    ask.focus();
  };
  keep.addEventListener("click", putBack);
  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && !question.hidden) putBack();
  });
  node.addEventListener("focusout", (/** @type {FocusEvent} */ event) => {
    if (event.relatedTarget && !node.contains(event.relatedTarget)) showQuestion(false);
  });

  /** @param {Run} changed */
  const update = (changed) => {
    run = changed;
    node.hidden = !isCancellable(changed);
    const name = `${runTitle(changed)}, run ${changed.id}`;
    ask.setAttribute("aria-label", `Cancel ${name}`);
    confirm.setAttribute("aria-label", `Stop the run: ${name}`);
    if (changed.state !== "running") showQuestion(false);
  };
  return { node, update };
}

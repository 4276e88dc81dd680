/** What can be done with a run that is over: train it again, let it go on, delete it. */

import { post, remove } from "./api.js";
import { element } from "./dom.js";
import { placeText, runTitle } from "./format.js";
import { isOver } from "./run-states.js";
import { createQuestion } from "./question.js";

/** @typedef {import("./types.js").Run} Run */

/** What a person may wish of a run. Only one that did not complete is trained again; a checkpoint is there from
 *  some step on at the earliest. Pure. @param {Run} run */
export function wishesFor(run) {
  const unfinished = run.state === "failed" || run.state === "cancelled";
  return { retry: unfinished, resume: unfinished && run.checkpoint !== null, delete: isOver(run) };
}

/** @param {{onChanged: (run: Run) => void, onDeleted: (run: Run) => void, onError: (message: string) => void}} options */
export function createRunActions({ onChanged, onDeleted, onError }) {
  /** @type {Run|null} */ let run = null;
  const again = (/** @type {string} */ verb) => async () => {
    if (run) onChanged(await post(`/api/runs/${run.id}/${verb}`));
  };
  const questions = {
    // Nothing is lost by a resume; a retry sets the curves aside.
    resume: createQuestion({ action: "resume", label: "Resume", confirm: "Resume", asks: () => false, act: again("resume"), onError }),
    retry: createQuestion({ action: "retry", label: "Retry", confirm: "Train from the start", keep: "Not now", danger: false, asks: () => run?.last !== null, act: again("retry"), onError }),
    delete: createQuestion({
      action: "delete",
      label: "Delete",
      confirm: "Delete for good",
      act: async () => {
        if (!run) return;
        await remove(`/api/runs/${run.id}`);
        onDeleted(run);
      },
      onError,
    }),
  };
  questions.retry.hint("Train it again from the start");
  const node = element("span", { class: "run-actions" }, ...Object.values(questions).map((question) => question.node));

  /** @param {Run} changed */
  const update = (changed) => {
    run = changed;
    const wishes = wishesFor(changed);
    if (changed.checkpoint) questions.resume.hint(`Go on from its checkpoint of ${placeText(changed.checkpoint.epoch, changed.checkpoint.step)}`);
    for (const [name, question] of Object.entries(questions)) {
      const possible = wishes[/** @type {keyof typeof wishes} */ (name)];
      question.node.hidden = !possible;
      question.name(`${runTitle(changed)}, run ${changed.id}`);
      if (!possible) question.close();
    }
    node.hidden = !Object.values(wishes).some(Boolean);
  };
  return { node, update };
}

/** The quiet cancel button: at once for a run that waits, after a second click for one that runs. */

import { post } from "./api.js";
import { runTitle } from "./format.js";
import { isCancellable } from "./run-states.js";
import { createQuestion } from "./question.js";

/** @typedef {import("./types.js").Run} Run */

/** @param {{onChanged: (run: Run) => void, onError: (message: string) => void}} options */
export function createCancel({ onChanged, onError }) {
  /** @type {Run|null} */ let run = null;
  const question = createQuestion({
    action: "cancel",
    label: "Cancel",
    confirm: "Stop the run",
    asks: () => run?.state === "running",
    act: async () => {
      if (run) onChanged(await post(`/api/runs/${run.id}/cancel`));
    },
    onError,
  });

  /** @param {Run} changed */
  const update = (changed) => {
    run = changed;
    question.node.hidden = !isCancellable(changed);
    question.name(`${runTitle(changed)}, run ${changed.id}`);
    if (changed.state !== "running") question.close();
  };
  return { node: question.node, update };
}

/** Cancels the ticked runs that are not over: asked about once, one request each, failures told together. */

import { post } from "./api.js";
import { byId } from "./dom.js";
import { count, counted } from "./format.js";
import { isCancellable } from "./run-states.js";
import { createQuestion } from "./question.js";

/** @typedef {import("./types.js").Run} Run */

/** @param {{chosen: () => Run[], onChanged: (run: Run) => void, onError: (message: string) => void}} options `chosen`: the ticked runs */
export function createCancelChosen({ chosen, onChanged, onError }) {
  const open = () => chosen().filter(isCancellable);
  const question = createQuestion({ action: "cancel-chosen", label: "Cancel", confirm: "Stop them", act, onError });
  byId("cancel-chosen").append(question.node);

  async function act() {
    const runs = open();
    /** @type {string[]} */ const failures = [];
    for (const { id } of runs) {
      try {
        onChanged(await post(`/api/runs/${id}/cancel`));
      } catch (problem) {
        failures.push(`run ${id}: ${problem.message}`);
      }
    }
    if (failures.length) onError(`${count(failures.length)} of ${counted(runs.length, "run")} could not be cancelled. ${failures.join(" ")}`);
  }

  /** Follow what is ticked, and what became of it. */
  return () => {
    const number = open().length;
    question.node.hidden = number === 0;
    if (number === 0) return question.close();
    question.relabel(`Cancel ${count(number)}`, `Stop ${counted(number, "run")}`);
    question.name("of the ticked ones");
  };
}

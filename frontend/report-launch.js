/** "Run what is missing": one launch however often it is clicked, and the question before hours of training. */

import { byId, setText } from "./dom.js";
import { closable } from "./keys.js";
import { createLaunchSender } from "./launch-send.js";

/** @typedef {import("./report-types.js").Variant} Variant */

/** @param {{variant: () => Variant, sentence: () => string|null, onSending: (sending: boolean) => void,
 *    onLaunched: (answer: {runs: number[], reused: number}) => void, onError: (message: string) => void, name: string}} options
 *  `sentence`: what the view knows already must be confirmed */
export function createReportLaunch({ name, variant, sentence, onSending, onLaunched, onError }) {
  const dialog = byId("confirm");
  const sender = createLaunchSender(`/api/reports/${name}/launch`);
  let sending = false;

  const ask = (/** @type {string} */ message) => {
    setText(byId("confirm-text"), message);
    dialog.showModal();
    byId("confirm-no").focus(); // the harmless answer is the near one
  };

  /** @param {boolean} confirm */
  const send = async (confirm) => {
    if (sending) return;
    sending = true;
    onSending(true);
    const { size, dataset, pretraining, seed } = variant();
    try {
      onLaunched(await sender.send({ size, dataset, pretraining, seeds: [seed], ...(confirm ? { confirm } : {}) }));
    } catch (problem) {
      if (problem.kind === "ConfirmationNeeded") ask(problem.message);
      else onError(problem.message);
    } finally {
      sending = false;
      onSending(false);
    }
  };

  byId("confirm-yes").addEventListener("click", () => {
    dialog.close();
    void send(true);
  });
  closable(dialog, true);
  return {
    launch() {
      const known = sentence();
      if (dialog.open || byId("run-missing").disabled) return;
      if (known) ask(known);
      else void send(false);
    },
  };
}

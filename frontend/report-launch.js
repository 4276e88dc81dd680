/** "Run what is missing": one launch however often it is clicked, and the question before hours of training. */

import { post } from "./api.js";
import { byId, setText } from "./dom.js";
import { closable } from "./keys.js";
import { newKey } from "./launch-form.js";

/** @typedef {import("./report-types.js").Variant} Variant */

/** @param {{variant: () => Variant, sentence: () => string|null, onSending: (sending: boolean) => void,
 *    onLaunched: (answer: {runs: number[], reused: number}) => void, onError: (message: string) => void, name: string}} options
 *  `sentence`: what the view knows already must be confirmed */
export function createReportLaunch({ name, variant, sentence, onSending, onLaunched, onError }) {
  const dialog = byId("confirm");
  let sending = false;
  let key = newKey();

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
      const body = { size, dataset, pretraining, seeds: [seed], ...(confirm ? { confirm } : {}) };
      const answer = await post(`/api/reports/${name}/launch`, body, { "Idempotency-Key": key });
      key = newKey();
      onLaunched(answer);
    } catch (problem) {
      // After a lost connection the same key is sent again: the launch may have been stored.
      if (problem.status !== 0) key = newKey();
      if (problem.kind === "ConfirmationNeeded") ask(problem.message);
      else onError(problem.message);
    } finally {
      sending = false;
      onSending(false);
    }
  };

  byId("confirm-yes").addEventListener("click", () => {
    dialog.close();
    key = newKey(); // another body: the key of the question cannot carry it
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

/** The field of a run's priority: what is typed in it stays until it is sent or taken back. */

import { element, setAttribute } from "./dom.js";
import { HIGHEST_PRIORITY, LOWEST_PRIORITY, readPriority } from "./workers-model.js";

/** @param {{onChange: (priority: number) => Promise<boolean>, onError: (message: string) => void}} options
 *  onChange returns whether the service took it */
export function createPriority({ onChange, onError }) {
  let known = 0;
  let sending = false;
  const input = element("input", { class: "priority", type: "number", min: LOWEST_PRIORITY, max: HIGHEST_PRIORITY, step: 1, autocomplete: "off", inputmode: "text" });

  const isTouched = () => input.value !== String(known) || input.validity.badInput;

  const putBack = () => {
    input.value = String(known);
    setAttribute(input, "aria-invalid", null);
  };

  const send = async () => {
    if (sending || !isTouched() || !input.isConnected) return; // taken out: a worker has the run by now
    if (input.value === "" && !input.validity.badInput) return putBack();
    const read = readPriority(input.value || "no number");
    setAttribute(input, "aria-invalid", "wrong" in read ? "true" : null);
    if ("wrong" in read) return onError(read.wrong);
    const sent = input.value;
    sending = true;
    const taken = await onChange(read.value);
    sending = false;
    if (!taken) return; // what was typed stays, to be sent again
    known = read.value;
    if (input.value === sent) return putBack();
    if (document.activeElement !== input) void send(); // what was typed in the meantime
  };

  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter") void send();
    if (event.key === "Escape") putBack();
  });
  input.addEventListener("blur", () => void send());
  // Over a focused field of numbers the wheel would change them.
  input.addEventListener("wheel", () => input.blur(), { passive: true });

  /** @param {number} priority @param {string} subject */
  const update = (priority, subject) => {
    const touched = isTouched();
    known = priority;
    if (!touched && !sending) input.value = String(priority);
    input.setAttribute("aria-label", `Priority of ${subject}`);
  };
  putBack();
  return { node: input, update };
}

/** The launch dialog: opens with what is here, sends one launch however often it is clicked, asks before hours of it. */

import { get } from "./api.js";
import { byId, setText } from "./dom.js";
import { counted } from "./format.js";
import { closable } from "./keys.js";
import { createLaunchBody } from "./launch-body.js";
import { createLaunchSender } from "./launch-send.js";

/** @param {{onLaunched: (ids: number[]) => void}} options */
export function createLaunchDialog({ onLaunched }) {
  const dialog = byId("launch");
  const form = byId("launch-form");
  const submit = byId("launch-submit");
  const sender = createLaunchSender("/api/launches");
  let sending = false;
  /** The service asked whether hours of training are wanted: the next click says yes. */
  let asked = false;
  /** @type {ReturnType<typeof createLaunchBody>|null} */ let body = null;

  const showError = (/** @type {string} */ message, /** @type {string|undefined} */ path, asks = false) => {
    const note = byId("launch-error");
    asked = asks;
    note.hidden = !message;
    note.className = asks ? "note warn" : "note bad";
    setText(note, message);
    for (const [name, field] of body?.fields ?? []) field.markWrong(name === path);
    if (path) body?.fields.get(path)?.input.focus();
  };

  const summarise = () => {
    const launching = asked ? "Launch all the same" : `Launch ${counted(body?.runs() ?? 1, "run")}`;
    setText(submit, sending ? "Launching…" : launching);
    setText(byId("launch-summary"), body?.differing() ?? "");
  };

  const clearError = () => {
    showError("", undefined);
    summarise();
  };

  const open = async () => {
    if (dialog.open) return;
    sender.renew();
    clearError();
    dialog.showModal();
    try {
      const [{ datasets }, { weights }] = await Promise.all([get("/api/datasets"), get("/api/weights")]);
      if (!body) {
        setText(byId("launch-body"), "Loading the presets…");
        const [{ presets, fields: rules }, { models }] = await Promise.all([get("/api/presets"), get("/api/models")]);
        body = createLaunchBody({ form, place: byId("launch-body"), presets, rules, models, onPut: clearError });
      }
      body.showShelf({ datasets, weights });
      summarise();
      form.querySelector('input[name="preset"]:checked')?.focus();
    } catch (problem) {
      showError(problem.message, undefined);
    }
  };

  const launch = async () => {
    if (sending || !body) return;
    const answer = body.read();
    if ("problem" in answer) {
      showError(answer.problem, answer.path);
      return summarise();
    }
    const confirm = asked ? { confirm: true } : {};
    sending = submit.disabled = true;
    clearError();
    try {
      const { runs } = await sender.send({ ...answer.body, ...confirm });
      dialog.close();
      onLaunched(runs);
    } catch (problem) {
      const asks = problem.kind === "ConfirmationNeeded";
      showError(problem.message, asks ? undefined : [...body.fields.keys()].find((path) => problem.message.startsWith(`${path} `)), asks);
    } finally {
      sending = submit.disabled = false;
      summarise();
    }
  };

  form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void launch();
  });
  form.addEventListener("input", (/** @type {Event} */ event) => {
    body?.follow(/** @type {HTMLInputElement} */ (event.target).name);
    clearError();
  });
  closable(dialog, false);
  return { open };
}

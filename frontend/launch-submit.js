/** The button of the launch page: sends one launch however often it is clicked, asks before hours of it, and leads to the runs. */

import { byId, setAttribute, setText } from "./dom.js";
import { counted } from "./format.js";
import { createLaunchSender } from "./launch-send.js";

/** @typedef {ReturnType<typeof import("./launch-request.js").requestOf>} Read */

/** @param {{read: () => Read, tell: (message: string, path: string|null) => void, whose: (message: string) => string|null}} options
 *  `tell` shows a refusal, at the field that `whose` finds for it */
export function createSubmit({ read, tell, whose }) {
  const button = byId("launch-submit");
  const sender = createLaunchSender("/api/launches");
  let runs = 1;
  let sending = false;
  /** What is not here, in words; empty where nothing keeps the launch from being stored. */
  let away = "";
  /** The service asked whether hours of training are wanted: the next click says yes. */
  let asking = false;

  const show = () => {
    button.disabled = sending;
    // Not `disabled` where something is missing: it keeps the focus, and what is missing describes it.
    setAttribute(button, "aria-disabled", away && !sending ? "true" : null);
    setAttribute(button, "aria-describedby", away ? "missing" : null);
    setText(byId("submit-text"), sending ? "Launching…" : away ? `Launch: ${away}` : asking ? "Launch all the same" : `Launch ${counted(runs, "run")}`);
  };

  /** @param {string} message empty takes it away */
  const tellHere = (message) => {
    const note = byId("launch-error");
    note.hidden = !message;
    note.className = asking ? "note warn" : "note bad";
    setText(note, message);
  };

  const launch = async () => {
    if (sending || away) return;
    const found = read();
    if ("problem" in found) return tell(found.problem, found.path);
    const body = asking ? { ...found.body, confirm: true } : found.body;
    sending = true;
    show();
    try {
      const answer = await sender.send(body);
      location.assign(whereTo(answer.runs, body.experiment)); // and stays disabled until it is there
    } catch (problem) {
      sending = false;
      asking = problem.kind === "ConfirmationNeeded";
      tell(problem.message, asking ? null : whose(problem.message));
      show();
    }
  };

  byId("launch-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void launch();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== "Enter" || event.repeat || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    void launch();
  });
  // Back from the runs, to a page that was kept as it was left: it can launch again.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sending = asking = false;
    show();
  });

  return {
    tell: tellHere,
    isAsking: () => asking,
    /** @param {string} text why the service would refuse it now; empty where it would not */
    block(text) {
      away = text;
      show();
    },
    /** The form changed: it is another launch, that nobody said yes to. @param {number|null} number of runs, where it is known */
    follow(number) {
      if (asking) tellHere("");
      asking = false;
      runs = number ?? runs;
      show();
    },
  };
}

/** "cifar10 is not here". Pure. @param {import("./launch-preview.js").Preview["missing"]} missing */
export function awayText(missing) {
  const dataset = missing.find(({ what }) => what === "data set");
  return dataset ? `${dataset.command.split(" ")[3]} is not here` : "its weights are not here";
}

/** One run: its page. Several: the list, where they stand first; of an experiment, those of it alone. Pure.
 *  @param {number[]} ids @param {string} [experiment] */
export function whereTo(ids, experiment) {
  if (ids.length === 1) return `/runs/${ids[0]}`;
  return experiment ? `/?${new URLSearchParams({ q: experiment })}` : "/";
}

/** The workers: one row each, made once, then changed in place. */

import { createList, element, progressBar, setAttribute, setText, showProgress, stateLabel } from "./dom.js";
import { fractionDone, stateText } from "./progress.js";
import { deviceText, hadWords, heardText, situation, standingOf, stateWords } from "./workers-model.js";

/** @typedef {import("./workers-model.js").Worker} Worker */

/** @typedef {{now: () => number, onDrain: (worker: Worker, wanted: boolean) => Promise<void>, onForget: (worker: Worker) => Promise<void>}} Options */

/** @param {HTMLElement} parent @param {Options} options */
export function createWorkerList(parent, options) {
  /** @type {Map<string, ReturnType<typeof createRow>>} */ const rows = new Map();
  const show = createList(parent, (worker) => worker.id, (/** @type {Worker} */ worker) => {
    const row = createRow(options);
    rows.set(worker.id, row);
    return row;
  });
  return {
    /** @param {Worker[]} workers */
    show(workers) {
      show(workers);
      for (const id of rows.keys()) if (!workers.some((worker) => worker.id === id)) rows.delete(id);
    },
    tick: () => rows.forEach((row) => row.tick()),
  };
}

/** @param {Options} options */
function createRow({ now, onDrain, onForget }) {
  /** @type {Worker|null} */ let worker = null;
  const device = element("div", { class: "device" });
  const place = element("div", { class: "aside" });
  const state = stateLabel();
  const link = element("a");
  const which = element("span", { class: "aside" });
  const progress = element("span", { class: "small muted" });
  const bar = progressBar("Progress of its run");
  const training = element("div", { class: "training" }, element("div", { class: "training-line" }, link, which, progress), bar);
  const words = element("div", { class: "small muted situation" });
  const advice = element("div", { class: "small situation" }, "Start it again with ", element("code", { text: "runyard up" }), " on its machine.");
  const hadLink = element("a");
  const hadState = element("span");
  const had = element("div", { class: "small situation" }, "It had ", hadLink, ", which is ", hadState, ".");
  const heard = element("div", { class: "heard muted" });
  const drain = element("button", { class: "button", type: "button", "data-action": "drain" });
  drain.addEventListener("click", async () => {
    if (!worker || drain.getAttribute("aria-disabled")) return;
    setAttribute(drain, "aria-disabled", "true"); // not `disabled`: that would take the focus away
    await onDrain(worker, !worker.drain_requested);
    setAttribute(drain, "aria-disabled", null);
  });
  const forget = element("button", { class: "button", type: "button", "data-action": "forget", text: "Forget", title: "One that comes back is here again. After a day a lost worker goes by itself." });
  forget.addEventListener("click", async () => {
    if (!worker || forget.getAttribute("aria-disabled")) return;
    setAttribute(forget, "aria-disabled", "true");
    await onForget(worker);
    setAttribute(forget, "aria-disabled", null); // where it was refused, or the worker is back
  });
  const node = element(
    "li",
    { class: "worker" },
    element("div", { class: "who" }, device, place),
    element("div", {}, state.node),
    element("div", { class: "what" }, training, words, had, advice),
    heard,
    element("div", { class: "worker-action" }, drain, forget),
  );

  const tick = () => {
    if (!worker) return;
    setText(heard, heardText(worker, now()));
    setText(words, situation(worker, now()));
  };

  const update = (/** @type {Worker} */ changed) => {
    worker = changed;
    node.dataset.worker = changed.id;
    node.dataset.state = changed.state;
    setText(device, deviceText(changed));
    setText(place, `${changed.name} on ${changed.host}`);
    setAttribute(place, "title", `${changed.id}, version ${changed.version}`);
    state.show(changed.state, stateWords(changed));
    showTraining(changed);
    tick();
    words.hidden = words.textContent === "";
    showLost(changed);
    setText(drain, changed.drain_requested ? "Take runs again" : "Drain");
    drain.setAttribute("aria-label", `${drain.textContent}: ${changed.device_name}, ${changed.name}`);
  };

  const showLost = (/** @type {Worker} */ changed) => {
    const isLost = changed.state === "lost";
    had.hidden = !changed.had;
    advice.hidden = forget.hidden = !isLost;
    drain.hidden = isLost;
    forget.setAttribute("aria-label", `Forget: ${changed.device_name}, ${changed.name}`);
    if (!changed.had) return;
    setAttribute(hadLink, "href", `/runs/${changed.had.run}`);
    setText(hadLink, `run ${changed.had.run}${changed.had.name ? `, ${changed.had.name}` : ""}`);
    setText(hadState, hadWords(changed.had));
  };

  const showTraining = (/** @type {Worker} */ changed) => {
    const run = changed.state === "lost" ? null : changed.training;
    training.hidden = run === null;
    if (!run) return;
    const text = stateText(standingOf(run), now());
    setAttribute(link, "href", `/runs/${run.run}`);
    setText(link, run.name || `Run ${run.run}`);
    setText(which, `#${run.run} · seed ${run.seed}`);
    setText(progress, text);
    showProgress(bar, fractionDone(standingOf(run)), text);
  };

  return { node, update, tick };
}

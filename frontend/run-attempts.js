/** The attempts of a run: who tried, why each ended, what it ran on, and the curves that a retry set aside. */

import { get } from "./api.js";
import { byId, element, setAttribute, setText } from "./dom.js";
import { differingFacts } from "./environment-facts.js";
import { epochsTable } from "./epochs-table.js";
import { duration, MISSING, moment, placeText } from "./format.js";
import { attemptSeconds, attemptsText, whyEnded, workerName } from "./run-attempts-model.js";

/** @typedef {import("./types.js").Attempt} Attempt */

/** Attempts change seldom: rows are made again only where they differ, and open details stay open.
 *  @param {number} run @param {(message: string) => void} onError */
export function createAttempts(run, onError) {
  const aside = createAside(run, onError);
  let shown = "";
  /** @type {Attempt|undefined} */ let newest;

  /** The time of an attempt that goes on. @param {number} now */
  const tick = (now) => {
    const cell = byId("attempts").lastElementChild?.querySelector("[data-took]");
    if (newest && cell) setText(cell, duration(attemptSeconds(newest, now)));
  };

  /** @param {Attempt[]} attempts @param {number} now */
  const show = (attempts, now) => {
    const key = JSON.stringify(attempts);
    if (key === shown) return;
    shown = key;
    const body = byId("attempts");
    const open = new Set([...body.querySelectorAll("details[open]")].map((node) => node.dataset.attempt));
    newest = attempts.at(-1);
    body.replaceChildren(...attempts.map((attempt) => attemptRow(attempt, attempt === newest ? null : newest?.environment, now, open, aside)));
    byId("attempts-empty").hidden = attempts.length > 0;
    setText(byId("attempts-text"), attemptsText(attempts));
    aside.keep(attempts);
  };
  return { show, tick };
}

/** @param {Attempt} attempt @param {Object<string, any>|null|undefined} newest what the newest attempt runs on; null for itself
 *  @param {number} now @param {Set<string>} open @param {ReturnType<typeof createAside>} aside */
function attemptRow(attempt, newest, now, open, aside) {
  const { resumed_from_epoch: epoch, resumed_from_step: step } = attempt;
  /** A cell that says what it is where rows are blocks. @param {string} label @param {Object<string, any>} properties @param {...(Node|string)} content */
  const cell = (label, properties, ...content) => element("td", { role: "cell", "data-label": label, ...properties }, ...content);
  return element(
    "tr",
    { role: "row" },
    cell("Attempt", { class: "number which", text: attempt.number }),
    cell("Why it ended", { class: "why" }, element("span", {}, whyEnded(attempt), ...(attempt.has_points ? [" ", aside.button(attempt.number)] : []))),
    cell("Went on from", { text: epoch === null ? "the start" : placeText(epoch, step) }),
    cell("Started", { text: moment(attempt.started_at, now) }),
    cell("Ended", { text: attempt.ended_at ? moment(attempt.ended_at, now) : "not yet" }),
    cell("Took", { class: "number", "data-took": true, text: duration(attemptSeconds(attempt, now)) }),
    cell("Worker", { class: "worker", title: attempt.worker, text: workerName(attempt.worker) }),
    cell("Environment", {}, environmentCell(attempt, newest, open)),
  );
}

/** @param {Attempt} attempt @param {Object<string, any>|null|undefined} newest @param {Set<string>} open */
function environmentCell({ number, environment }, newest, open) {
  if (!environment || !Object.keys(environment).length) return MISSING;
  if (newest === null) return "as above";
  const facts = differingFacts(environment, newest);
  if (!facts.length) return "the same";
  const list = element("dl", { class: "facts-list" }, ...facts.map(([name, text]) => element("div", {}, element("dt", { text: name }), element("dd", { text }))));
  return element("details", { "data-attempt": number, open: open.has(String(number)) }, element("summary", { text: facts.length === 1 ? "1 fact differs" : `${facts.length} facts differ` }), list);
}

/** The curves of one earlier attempt, under the table of attempts. @param {number} run @param {(message: string) => void} onError */
function createAside(run, onError) {
  const place = byId("aside");
  const title = byId("aside-title");
  /** @type {number|null} */ let attempt = null;

  const mark = () => {
    for (const button of document.querySelectorAll("[data-aside]")) setAttribute(button, "aria-expanded", String(Number(/** @type {HTMLElement} */ (button).dataset.aside) === attempt));
  };

  const close = () => {
    attempt = null;
    place.hidden = true;
    mark();
  };

  const toggle = async (/** @type {number} */ number) => {
    if (attempt === number) return close();
    attempt = number;
    mark();
    try {
      const points = await get(`/api/runs/${run}/points?attempt=${number}`);
      if (attempt !== number) return;
      setText(title, `Epochs of attempt ${number}, set aside by the retry`);
      byId("aside-scroll").replaceChildren(epochsTable(points.series, "aside-title"));
      place.hidden = false;
    } catch (problem) {
      close();
      onError(problem.message);
    }
  };

  return {
    /** @param {number} number */
    button: (number) => element("button", { class: "link", type: "button", "data-aside": number, "aria-controls": "aside", "aria-expanded": String(attempt === number), text: "Show its epochs", onclick: () => toggle(number) }),
    /** @param {Attempt[]} attempts what is there now */
    keep(attempts) {
      if (attempt !== null && !attempts.some(({ number, has_points }) => number === attempt && has_points)) close();
    },
  };
}

/** The Launch page: loads what can be chosen and keeps the header; the rest is in launch-form.js. */

import { get } from "./api.js";
import { byId, element } from "./dom.js";
import { closable, listenForKeys } from "./keys.js";
import { clonedRun } from "./launch-base.js";
import { createLaunchForm } from "./launch-form.js";
import { createLive } from "./live.js";
import { notice, showLink, watchStatus } from "./standing.js";

const RETRY_MS = 3000;

/** When the connection was lost, null where it is not. @type {number|null} */ let lostSince = null;
const status = watchStatus();
const live = createLive({ onEvent: ({ kind }) => kind === "state" && status.refresh(), onReset: () => void listen(), onLink: showLink });

async function loadShelf() {
  const [{ datasets }, { weights }] = await Promise.all([get("/api/datasets"), get("/api/weights")]);
  return { datasets, weights };
}

async function start() {
  const query = new URLSearchParams(location.search);
  try {
    const [{ presets, fields: rules }, { models }, shelf, { run, problem }] = await Promise.all([get("/api/presets"), get("/api/models"), loadShelf(), clonedRun(query)]);
    if (problem) notice("bad", problem);
    createLaunchForm({ query, presets, rules, models: models.map((/** @type {{name: string}} */ { name }) => name), shelf, run }, { loadShelf });
    byId("loading").hidden = true;
    byId("launch-form").hidden = false;
  } catch (problem) {
    const again = element("button", { type: "button", class: "link", text: "Try again", onclick: () => location.reload() });
    notice("bad", `${problem.message} `, again);
    byId("loading").hidden = true;
  }
}

/** The header says what the whole service is doing. */
async function listen() {
  try {
    live.start((await get("/api/runs?limit=1")).cursor);
    lostSince = null;
  } catch {
    lostSince ??= Date.now();
    showLink({ state: "lost", since: lostSince });
    setTimeout(listen, RETRY_MS);
  }
}

closable(byId("help"), true);
listenForKeys({
  n: () => /** @type {HTMLElement|null} */ (document.querySelector("#base input:checked, #base a"))?.focus(),
  "?": () => byId("help").showModal(),
});
void listen();
void start();

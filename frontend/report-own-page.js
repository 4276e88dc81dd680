/** A report that a person made: shown, followed while its runs go on, edited, deleted. `?own=new` makes one. */

import { get, mayPass, post, remove } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId, element, setText } from "./dom.js";
import { moment } from "./format.js";
import { closable, listenForKeys } from "./keys.js";
import { compareAddress } from "./links.js";
import { createLive } from "./live.js";
import { markdown } from "./report-markdown.js";
import { createOwnForm } from "./report-own-form.js";
import { createOwnList } from "./report-own-list.js";
import { chosenRuns, runsOfOwn } from "./report-own-model.js";
import { createOwnTable } from "./report-own-table.js";
import { notice, showLink, watchStatus } from "./standing.js";
import { untilItWorks } from "./until-it-works.js";

/** @typedef {import("./report-own-model.js").OwnReport} OwnReport */

const REFRESH_MS = 1000;
const MOST_COMPARED = 50;
const own = String(new URLSearchParams(location.search).get("own"));

/** @type {OwnReport|null} */ let report = null;
/** @type {Set<number>} */ const stale = new Set();

const status = watchStatus();
const onError = (/** @type {string} */ message) => notice("bad", message);
const table = createOwnTable({ stale, onAdded: () => refreshSoon() });
const notes = element("div", { class: "notes" });
const compare = element("a", { class: "button", text: "Compare these runs" });
const edit = element("button", { class: "button", type: "button", text: "Edit" });
const away = element("button", { class: "quiet danger", type: "button", text: "Delete…" });
const yes = element("button", { class: "quiet danger", type: "button", text: "Delete this report; its runs stay", hidden: true });
const told = element("p", { class: "muted small" });
const view = element("div", { hidden: true }, notes, table.node, told, element("div", { class: "own-buttons" }, compare, edit, away, yes));
const form = createOwnForm({ onSave, onCancel: () => (report ? show(report) : location.assign("/report")) });
const others = element("nav", { class: "own-list", "aria-label": "Reports" }, element("a", { href: "/report", text: "The published report" }));
byId("own").append(view, form.node, others);
byId("own").hidden = false;
form.node.hidden = true;

/** @param {OwnReport} loaded */
function show(loaded) {
  const notesChanged = report?.notes !== loaded.notes || !notes.childNodes.length;
  report = loaded;
  stale.clear();
  view.hidden = false;
  form.node.hidden = true;
  document.title = `${loaded.title} · Runyard`;
  setText(byId("title"), loaded.title);
  setText(byId("about"), "");
  if (notesChanged) notes.replaceChildren(...markdown(loaded.notes));
  table.update(loaded.rows);
  const runs = runsOfOwn(loaded).slice(0, MOST_COMPARED);
  compare.href = compareAddress(runs);
  compare.hidden = runs.length < 2;
  setText(told, `Changed ${moment(loaded.changed_at, Date.now())}, version ${loaded.version}. Values are those of the last epoch over the seeds that count; half-widths are 95% intervals of the mean.`);
}

/** @param {boolean} fresh whether there is none yet */
function openForm(fresh) {
  view.hidden = true;
  form.node.hidden = false;
  if (fresh) setText(byId("title"), "New report");
  setText(byId("about"), "");
  void form.open(report ? { ...report, runs: [] } : { title: "", notes: "", rows: [], runs: chosenRuns(location.search), version: null });
}

/** @param {any} request */
async function onSave(request) {
  if (report) return show(await post(`/api/own-reports/${report.id}/edit`, request));
  const made = await post("/api/own-reports", request);
  location.replace(`/report?own=${made.id}`); // going back must not make a second one
}

const load = untilItWorks(
  async () => {
    const loaded = await get(`/api/own-reports/${encodeURIComponent(own)}`);
    show(loaded);
    live.start(loaded.cursor);
  },
  {
    isRefused: ({ status: code }) => code >= 400 && code < 500,
    onRefused: ({ message }) => {
      setText(byId("about"), "");
      return notice("bad", message, " ", element("a", { href: "/report", text: "The published report" }));
    },
  },
);
const live = createLive({ onEvent, onReset: load, onLink: showLink });

const refreshSoon = createCoalescer(async () => {
  if (!report) return;
  try {
    const loaded = await get(`/api/own-reports/${report.id}`);
    if (form.node.hidden) show(loaded); // what is being edited stays: a stale edit is refused when it is saved
  } catch (problem) {
    if (mayPass(problem)) throw problem;
    onError(problem.message);
  }
}, REFRESH_MS);

/** @param {import("./types.js").LiveEvent} event */
function onEvent({ kind, data }) {
  if (kind === "state") status.refresh();
  if (!report || kind === "progress" || kind === "log") return;
  const known = runsOfOwn(report).includes(data.run);
  if (known && !stale.has(data.run)) {
    stale.add(data.run);
    table.update(report.rows);
  }
  // A state of an unknown run may be that of a further seed.
  if (known || kind === "state") refreshSoon();
}

edit.addEventListener("click", () => openForm(false));
away.addEventListener("click", () => {
  yes.hidden = !yes.hidden;
});
yes.addEventListener("click", async () => {
  if (!report) return;
  try {
    await remove(`/api/own-reports/${report.id}?version=${report.version}`);
    location.replace("/report");
  } catch (problem) {
    onError(problem.message);
  }
});
closable(byId("help"), true);
listenForKeys({ "?": () => byId("help").showModal() });
void createOwnList(others, onError);
if (own === "new") {
  openForm(true);
  void get("/api/recipes?limit=1").then(({ cursor }) => live.start(cursor), () => {}); // the link's state is shown here too
} else void load();

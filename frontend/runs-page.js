/** The Runs page: loads, listens, filters; the rows themselves are in runs-table.js. */

import { get, post, serverNow } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { count, counted } from "./format.js";
import { closable, listenForKeys } from "./keys.js";
import { createLaunchDialog } from "./launch-dialog.js";
import { newKey } from "./launch-send.js";
import { createLive, position } from "./live.js";
import { FILTERS, inFilter, matches } from "./runs-model.js";
import { createRunsStore } from "./runs-store.js";
import { createRunsTable } from "./runs-table.js";
import { notice, showLink, watchStatus } from "./standing.js";

const PAGE = 100;

/** What is shown lives in the URL. */
const query = new URLSearchParams(location.search);
let filter = FILTERS.some(({ name }) => name === query.get("state")) ? String(query.get("state")) : "all";
let text = query.get("q") ?? "";
/** Where the next page of each filter starts; null at the end. @type {Map<string, number|null>} */
const next = new Map();
/** @type {Object<string, number>} */ let counts = {};
let loaded = false;

const status = watchStatus();
const store = createRunsStore(render);
const onError = (/** @type {string} */ message) => notice("bad", message);
const table = createRunsTable(byId("rows"), { now: serverNow, onError, onChanged: takeCancelled });
const live = createLive({ onEvent, onReset: () => {
  store.newStream();
  void loadAgain();
}, onLink: showLink });
const dialog = createLaunchDialog({ onLaunched });

/** A run is shown where its filter has been loaded without a hole down to it. @param {import("./types.js").Run} run */
const isShown = (run) => inFilter(run, filter) && matches(run, text) && run.id >= (next.get(filter) ?? 0);

/** @param {Set<number>} ids */
function render(ids) {
  for (const id of ids) {
    const run = store.runs.get(id);
    if (run) table.show(run, isShown(run));
    else table.remove(id);
  }
  renderAround();
}

const renderAll = () => render(new Set(store.runs.keys()));

function renderAround() {
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const none = loaded && store.runs.size === 0;
  const shown = [...store.runs.values()].filter(isShown).length;
  byId("empty").hidden = !none;
  byId("runs").hidden = byId("controls").hidden = none;
  byId("no-match").hidden = shown > 0;
  setText(byId("no-match"), text ? `No loaded run matches “${text}”.` : `No run is ${filter} now.`);
  setText(byId("overview"), none ? "Trainings of this machine and its workers" : counted(Math.max(total, store.runs.size), "run"));
  byId("older").hidden = (next.get(filter) ?? null) === null;
  setText(byId("shown"), shown < store.runs.size || !byId("older").hidden ? `${count(shown)} shown` : "");
  for (const button of byId("filters").children) {
    const chosen = FILTERS.find(({ name }) => name === button.dataset.filter);
    const number = chosen?.states ? chosen.states.reduce((sum, state) => sum + (counts[state] ?? 0), 0) : total;
    button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
    setText(button.lastElementChild, count(number));
  }
}

/** Load the newest of a filter, or what follows `before`. @param {string} name @param {number} [before] */
async function loadPage(name, before) {
  const parameters = new URLSearchParams({ limit: String(PAGE) });
  const ask = FILTERS.find((one) => one.name === name)?.ask;
  if (ask) parameters.set("state", ask);
  if (before !== undefined) parameters.set("before", String(before));
  const page = await get(`/api/runs?${parameters}`);
  counts = page.counts;
  const newest = Math.max(0, ...store.runs.keys());
  // A burst longer than a page leaves a hole under it: what lies below is shown once it is loaded.
  const hole = before === undefined && newest > 0 && page.next !== null && page.next > newest;
  if (before !== undefined || !next.has(name) || hole) next.set(name, page.next);
  store.merge(page.runs, position(page.cursor));
  return page;
}

async function loadAgain() {
  try {
    const page = await loadPage("all");
    const gone = [...store.runs.keys()].some((id) => !page.runs.some((/** @type {any} */ run) => run.id === id));
    if (loaded && gone) {
      store.clear(); // another store answers: old rows must not stay beside new ones
      next.clear();
      next.set("all", page.next);
      store.merge(page.runs, position(page.cursor));
    }
    loaded = true;
    live.start(page.cursor);
    if (filter !== "all") await loadPage(filter);
    renderAll();
  } catch (problem) {
    onError(problem.message);
    setText(byId("overview"), "The runs could not be loaded.");
    setTimeout(loadAgain, 3000);
  }
}

/** @type {ReturnType<typeof setTimeout>|undefined} */ let refreshTimer;

/** Ask for the newest page once after a burst: new runs, and how many are ahead of each queued one. */
function refreshSoon() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => loadPage("all").then(renderAround, () => refreshSoon()), 300);
}

/** @param {import("./types.js").LiveEvent} event */
function onEvent(event) {
  store.apply(event);
  if (event.kind !== "state") return;
  status.refresh();
  refreshSoon();
}

/** @param {import("./types.js").Run} run */
function takeCancelled(run) {
  store.merge([run], null);
  status.refresh();
  refreshSoon();
}

/** @param {number[]} ids */
function onLaunched(ids) {
  const links = ids.slice(0, 5).flatMap((id, index) => [index ? ", " : " ", element("a", { href: `/runs/${id}`, text: `run ${id}` })]);
  notice("good", `Launched ${counted(ids.length, "run")}:`, ...links, ids.length > 5 ? " …" : "");
  status.refresh();
  clearTimeout(refreshTimer);
  loadPage("all").then(renderAround, () => refreshSoon());
}

const quickKey = newKey();

async function launchQuick() {
  const button = byId("quick-run");
  button.disabled = true;
  try {
    const { presets } = await get("/api/presets");
    const smallest = presets.find((/** @type {any} */ preset) => preset.sizes.quick.model.arch === "softmax-regression") ?? presets[0];
    const body = { preset: smallest.name, size: "quick", overrides: { dataset: { name: "shapes" } } };
    onLaunched((await post("/api/launches", body, { "Idempotency-Key": quickKey })).runs);
  } catch (problem) {
    onError(problem.message);
  } finally {
    button.disabled = false;
  }
}

function rememberInUrl() {
  const parameters = new URLSearchParams();
  if (filter !== "all") parameters.set("state", filter);
  if (text) parameters.set("q", text);
  history.replaceState(null, "", parameters.size ? `?${parameters}` : location.pathname);
  renderAll();
}

for (const { name, title } of FILTERS) {
  const choose = () => {
    filter = name;
    rememberInUrl();
    if (!next.has(name)) loadPage(name).then(renderAll, (problem) => onError(problem.message));
  };
  const button = element("button", { type: "button", class: "filter", "data-filter": name, "aria-pressed": "false", onclick: choose });
  button.append(element("span", { text: title }), element("span", { class: "count" }));
  byId("filters").append(button);
}
byId("filter").value = text;
byId("filter").addEventListener("input", () => {
  text = byId("filter").value.trim();
  rememberInUrl();
});
byId("filter").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Escape") byId("filter").blur();
});
byId("older").addEventListener("click", async () => {
  byId("older").disabled = true;
  await loadPage(filter, next.get(filter) ?? undefined).then(renderAll, (problem) => onError(problem.message));
  byId("older").disabled = false;
});
byId("quick-run").addEventListener("click", launchQuick);
byId("choose-run").addEventListener("click", dialog.open);
byId("launch-button").addEventListener("click", dialog.open);
closable(byId("help"), true);
listenForKeys({
  n: dialog.open,
  "/": () => byId("filter").focus(),
  j: () => table.move(1),
  k: () => table.move(-1),
  r: () => location.assign("/report"),
  "?": () => byId("help").showModal(),
});
setInterval(() => {
  for (const run of store.runs.values()) if (run.state === "running" || run.state === "cancelling") table.tick(run);
}, 1000);
if (location.hash === "#launch") {
  history.replaceState(null, "", location.pathname + location.search);
  dialog.open();
}
void loadAgain();

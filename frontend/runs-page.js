/** The Runs page: what is chosen, the keys, the stream; the rows are in runs-recipes.js and runs-list.js. */

import { byId, element, setAttribute, setText } from "./dom.js";
import { count, counted } from "./format.js";
import { closable, listenForKeys } from "./keys.js";
import { compareAddress } from "./links.js";
import { createLive } from "./live.js";
import { createRunsView } from "./runs-list.js";
import { createCancelChosen } from "./runs-cancel-chosen.js";
import { createMarkFilter } from "./runs-marks.js";
import { FILTERS } from "./runs-model.js";
import { createQuickRun } from "./runs-quick.js";
import { createRecipesView } from "./runs-recipes.js";
import { createSelection } from "./runs-selection.js";
import { notice, showLink, watchStatus } from "./standing.js";
import { untilItWorks } from "./until-it-works.js";

// Where the launch form was before it had a page of its own.
if (location.hash === "#launch") location.replace("/launch");

const TYPING_MS = 250;

/** What is shown lives in the URL. */
const query = new URLSearchParams(location.search);
const choice = {
  filter: FILTERS.some(({ name }) => name === query.get("state")) ? String(query.get("state")) : "all",
  text: query.get("q") ?? "",
  finding: query.get("finding") ?? "",
  open: new Set((query.get("open") ?? "").split(",").filter(Boolean)),
};
/** @type {"recipes"|"runs"} */ let by = query.get("by") === "runs" ? "runs" : "recipes";
/** @type {Object<string, number>} */ let counts = {};
let recipesInAll = 0;

const status = watchStatus({ onStale: (stale) => Object.values(views).forEach((view) => view.setStale(stale)) });
const onError = (/** @type {string} */ message) => notice("bad", message);
const selection = createSelection({ onError, onChange: () => active().renderAll() });
const context = { choice, selection, onPage, onRendered, onOpen, onError, onChanged };
const views = { recipes: createRecipesView(context), runs: createRunsView(context) };
const active = () => views[by];
const showCancelChosen = createCancelChosen({
  chosen: () => [...selection.ids].flatMap((id) => active().find(id) ?? views.recipes.find(id) ?? views.runs.find(id) ?? []),
  onChanged,
  onError,
});
const live = createLive({ onEvent, onReset, onLink: showLink });

/** @param {any} page an answer of either list */
function onPage(page) {
  counts = page.counts;
  recipesInAll = page.total ?? recipesInAll;
}

/** After rows changed: what stands around them. */
function onRendered() {
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const { known, shown, held } = active().sizes();
  const none = active().isLoaded() && known === 0;
  byId("empty").hidden = !none;
  byId("runs").hidden = byId("controls").hidden = none;
  byId("no-match").hidden = shown > 0 || !active().isLoaded();
  const noun = by === "runs" ? "run" : "recipe";
  setText(byId("no-match"), noMatch(noun));
  setText(byId("overview"), none ? "Trainings of this machine and its workers" : overview(total, held));
  byId("older").hidden = !active().hasOlder();
  setText(byId("shown"), shown < known || active().hasOlder() ? `${count(shown)} shown` : "");
  showFilters(total);
  showChosen();
}

/** @param {string} noun */
function noMatch(noun) {
  const found = choice.finding ? " of which this was found" : "";
  if (choice.text) return `No ${noun}${found} matches “${choice.text}”.`;
  if (choice.filter === "all") return `No ${noun} is here${found}.`;
  return `No ${by === "runs" ? `run${found} is` : `recipe has a run${found} that is`} ${choice.filter} now.`;
}

/** @param {number} total @param {number} held */
function overview(total, held) {
  const runs = counted(total, "run");
  const waiting = held ? ` · ${count(held)} more when the pointer leaves the table` : "";
  return recipesInAll ? `${counted(recipesInAll, "recipe")}, ${runs}${waiting}` : runs;
}

/** @param {number} total */
function showFilters(total) {
  for (const button of byId("filters").children) {
    const states = FILTERS.find(({ name }) => name === button.dataset.filter)?.states;
    const number = states ? states.reduce((sum, state) => sum + (counts[state] ?? 0), 0) : total;
    button.setAttribute("aria-pressed", String(button.dataset.filter === choice.filter));
    setText(button.lastElementChild, count(number));
  }
}

function showChosen() {
  const number = active().chosen();
  setAttribute(byId("compare"), "href", compareAddress([...selection.ids].sort((one, other) => one - other)));
  setText(byId("compare-text"), number ? `Compare ${count(number)}` : "Compare");
  byId("compare").classList.toggle("chosen", number > 0);
  byId("clear").hidden = number === 0;
  showCancelChosen();
}

/** @param {string} recipe @param {boolean} open */
function onOpen(recipe, open) {
  if (open) choice.open.add(recipe);
  else choice.open.delete(recipe);
  rememberInUrl();
  active().renderAll();
}

const loadAgain = untilItWorks(
  async () => {
    const view = active();
    const page = await view.load();
    for (const one of Object.values(views)) one.belong(page.cursor);
    live.start(page.cursor);
    selection.keep((id) => views.recipes.isKnown(id) || views.runs.isKnown(id));
  },
  { onLost: () => setText(byId("overview"), "The runs could not be loaded.") },
);

/** The other view at its first showing: what happens while it is asked for is told to no row, so that it is asked again. */
const loadShown = untilItWorks(async () => {
  const view = active();
  if (!view.isLoaded()) await view.load();
  view.refreshSoon();
});

function onReset() {
  for (const view of Object.values(views)) view.newStream();
  void loadAgain().then(active().refreshSoon); // rows beyond the newest may have moved while no stream told it
}

/** @param {import("./types.js").LiveEvent} event */
function onEvent(event) {
  for (const view of Object.values(views)) if (view.isLoaded()) view.onEvent(event);
  if (event.kind !== "state") return;
  status.refresh();
  active().refreshSoon(); // the hidden view asks when it is shown again
}

/** @param {import("./types.js").Run} run as a cancel left it */
function onChanged(run) {
  for (const view of Object.values(views)) if (view.isKnown(run.id)) view.take(run);
  status.refresh();
  active().refreshSoon();
}

function rememberInUrl() {
  const parameters = new URLSearchParams();
  if (by === "runs") parameters.set("by", by);
  if (choice.filter !== "all") parameters.set("state", choice.filter);
  if (choice.text) parameters.set("q", choice.text);
  if (choice.finding) parameters.set("finding", choice.finding);
  if (choice.open.size) parameters.set("open", [...choice.open].join(","));
  history.replaceState(null, "", parameters.size ? `?${parameters}` : location.pathname);
}

/** What was chosen changed. */
function choose() {
  rememberInUrl();
  active().choose().catch((/** @type {Error} */ problem) => onError(problem.message));
}

/** @param {"recipes"|"runs"} wanted */
function showBy(wanted) {
  by = wanted;
  for (const [name, view] of Object.entries(views)) {
    view.node.hidden = name !== by;
    setAttribute(byId(`show-${name}`), "aria-pressed", String(name === by));
  }
  rememberInUrl();
}

/** @param {"recipes"|"runs"} wanted */
function change(wanted) {
  if (wanted === by) return;
  showBy(wanted);
  if (!active().isLoaded()) return void loadShown();
  choose();
  active().refreshSoon();
}

/** Move the focus to the next (1) or previous (-1) row that is shown. @param {1|-1} step */
function move(step) {
  const found = /** @type {HTMLElement[]} */ ([...active().node.querySelectorAll("tbody:not([hidden]) tr:not([hidden]) .title > :is(a, button):not([hidden])")]);
  const here = found.findIndex((one) => one.closest("tr")?.contains(document.activeElement));
  const next = here < 0 ? 0 : Math.min(found.length - 1, Math.max(0, here + step));
  found[next]?.focus();
}

/** Choose the row that has the focus, or put it back. */
function toggle() {
  const row = document.activeElement?.closest("tr");
  /** @type {HTMLElement|null|undefined} */ (row?.querySelector(".select input"))?.click();
}

for (const { name, title } of FILTERS) {
  const button = element("button", { type: "button", class: "filter", "data-filter": name, "aria-pressed": "false" });
  button.addEventListener("click", () => {
    choice.filter = name;
    choose();
  });
  button.append(element("span", { text: title }), element("span", { class: "count" }));
  byId("filters").append(button);
}
createMarkFilter({ wanted: choice.finding, onError, onChosen: (wanted) => {
  choice.finding = wanted;
  choose();
} });
byId("filter").value = choice.text;
/** @type {ReturnType<typeof setTimeout>|undefined} */ let typing;
byId("filter").addEventListener("input", () => {
  choice.text = byId("filter").value.trim();
  rememberInUrl();
  active().renderAll(); // of what is here at once; the rest when the typing pauses
  clearTimeout(typing);
  typing = setTimeout(choose, TYPING_MS);
});
byId("filter").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Escape") return;
  event.preventDefault(); // the field empties itself otherwise, and tells nobody
  clearTimeout(typing);
  byId("filter").value = choice.text = "";
  choose();
  byId("filter").blur(); // the one-key commands work again
});
byId("older").addEventListener("click", async () => {
  byId("older").disabled = true;
  await active().older().catch((/** @type {Error} */ problem) => onError(problem.message));
  byId("older").disabled = false;
});
byId("clear").addEventListener("click", selection.clear);
for (const name of /** @type {const} */ (["recipes", "runs"])) byId(`show-${name}`).addEventListener("click", () => change(name));
createQuickRun({ onError, onLaunched: () => {
  status.refresh();
  active().refreshSoon();
} });
closable(byId("help"), true);
listenForKeys({
  "/": () => byId("filter").focus(),
  j: () => move(1),
  k: () => move(-1),
  x: toggle,
  c: () => byId("compare").click(),
  "?": () => byId("help").showModal(),
});
setInterval(() => active().tick(), 1000);
showBy(by);
void loadAgain();

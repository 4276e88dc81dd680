/** The Compare page: what its address says is loaded and shown, and followed while runs go on. */

import { get } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { createChooser } from "./compare-choose.js";
import { createDiffers } from "./compare-differs.js";
import { createFigure } from "./compare-figure.js";
import { createSeedLaunch } from "./compare-launch.js";
import { createLegend } from "./compare-legend.js";
import { applyToAnswer } from "./compare-model.js";
import { createResults, overview } from "./compare-results.js";
import { createVerdict } from "./compare-verdict.js";
import { addressOf, coloursFor, METRICS, parseView } from "./compare-view.js";
import { byId, element, setText } from "./dom.js";
import { closable, listenForKeys } from "./keys.js";
import { createLive } from "./live.js";
import { MOST_RUNS } from "./runs-selection.js";
import { notice, showLink, watchStatus } from "./standing.js";
import { untilItWorks } from "./until-it-works.js";

/** @typedef {import("./compare-view.js").View} View */

const REFRESH_MS = 1500;

let view = parseView(location.search);
/** @type {import("./compare-model.js").Answer|null} */ let answer = null;

const status = watchStatus();
const onError = (/** @type {string} */ message) => notice("bad", message);
const showVerdict = createVerdict();
const showDiffers = createDiffers();
const showResults = createResults({ onRemove: removeRecipe });
const showLegend = createLegend({ onToggle: toggleRecipe });
const showFigure = createFigure();
const load = untilItWorks(loadView, { isRefused: ({ status: code }) => code === 404 || code === 422, onRefused: ({ message }) => showProblem(message) });
const live = createLive({ onEvent, onReset: load, onLink: showLink });
const first = createChooser({ place: byId("choose"), verb: "Compare", onError, onChosen: addRuns });
const further = createChooser({ place: byId("add-body"), verb: "Add", onError, onChosen: addRuns });

/** By recipe, as what is shown is painted: the view may be of other runs already. @type {Map<string, number>} */
let painted = new Map();

/** @param {string} recipe @returns {number} its colour, the same everywhere on the page */
const colourOf = (recipe) => painted.get(recipe) ?? 0;

/** @param {import("./compare-model.js").Answer} loaded for the runs of the view */
function take(loaded) {
  answer = loaded;
  view.colours = coloursFor(view.colours, loaded.items.length);
  painted = new Map(loaded.items.map(({ recipe }, place) => [recipe, view.colours[place]]));
  show();
}

function show() {
  if (!answer) return;
  byId("comparison").hidden = false;
  byId("empty").hidden = true;
  document.title = `Compare ${answer.items.map(({ label }) => label).join(", ").slice(0, 80)} · Runyard`;
  showVerdict(answer);
  showDiffers(answer, colourOf);
  showResults(answer, colourOf);
  showLegend(answer.items, colourOf, view.hidden);
  showLive();
}

/** What moves with every epoch. */
function showLive() {
  if (!answer) return;
  setText(byId("overview"), overview(answer.items, answer.runs));
  showFigure(answer, view, colourOf);
}

async function loadView() {
  const asked = view.runs;
  if (!asked.length) return void (await showNothing());
  const loaded = await get(`/api/compare?${new URLSearchParams(asked.map((run) => ["run", String(run)]))}`);
  if (asked !== view.runs) return; // others were chosen in the meantime
  take(loaded);
  live.start(loaded.cursor);
}

/** Nothing is chosen: offer what there is. */
async function showNothing() {
  answer = null;
  byId("comparison").hidden = true;
  byId("empty").hidden = false;
  document.title = "Compare · Runyard";
  setText(byId("overview"), "Choose what to hold against each other");
  await first.open([]);
  const { cursor } = await get("/api/recipes?limit=1");
  if (!view.runs.length) live.start(cursor);
}

/** A run that is not there, or too many: say so, and how to go on. @param {string} message */
function showProblem(message) {
  const gone = Number(/There is no run (\d+)/.exec(message)?.[1]);
  const rest = view.runs.filter((run) => run !== gone);
  const leave = element("a", { href: addressOf({ ...view, runs: gone ? rest : [] }), text: gone && rest.length ? "Compare the others" : "Choose anew" });
  if (!answer) setText(byId("overview"), "These runs cannot be compared.");
  return notice("bad", `${message} `, leave);
}

/** The numbers anew; the curves are followed by events. */
const refreshSoon = createCoalescer(async () => {
  if (!answer) return;
  const asked = view.runs;
  try {
    const fresh = await get(`/api/compare?${new URLSearchParams([...asked.map((run) => ["run", String(run)]), ["curves", "false"]])}`);
    if (asked !== view.runs || !answer) return;
    take({ ...fresh, series: answer.series });
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    showProblem(problem.message);
  }
}, REFRESH_MS);

/** @param {import("./types.js").LiveEvent} event */
function onEvent(event) {
  if (event.kind === "state") status.refresh();
  if (!answer) return;
  const changed = applyToAnswer(answer, event);
  if (changed === answer) return;
  answer = changed;
  showLive();
  refreshSoon();
}

/** @param {Partial<View>} changes */
function change(changes) {
  view = { ...view, ...changes };
  history.replaceState(null, "", addressOf(view));
  showControls();
}

/** @param {string} recipe */
function toggleRecipe(recipe) {
  const hidden = new Set(view.hidden);
  if (!hidden.delete(recipe)) hidden.add(recipe);
  change({ hidden });
  show();
}

/** @param {string} recipe */
function removeRecipe(recipe) {
  const gone = answer?.items.find((item) => item.recipe === recipe)?.runs ?? [];
  const runs = view.runs.filter((run) => !gone.includes(run));
  if (runs.length === view.runs.length) return; // a second press, before the first is answered
  const rest = answer?.items.filter((item) => item.runs.some((run) => runs.includes(run))) ?? [];
  const hidden = new Set([...view.hidden].filter((one) => one !== recipe));
  go({ hidden, runs, colours: rest.map((item) => colourOf(item.recipe)) });
}

/** @param {number[]} runs */
function addRuns(runs) {
  const all = [...new Set([...view.runs, ...runs])];
  if (all.length > MOST_RUNS) return onError(`At most ${MOST_RUNS} runs can be compared at once; these are ${all.length}.`);
  byId("add").close();
  go({ runs: all });
}

/** Another set of runs: a step that the browser's back button takes back. @param {Partial<View>} changes */
function go(changes) {
  view = { ...view, ...changes };
  history.pushState(null, "", addressOf(view));
  void load();
}

function showControls() {
  byId("metric").value = view.metric;
  byId("smooth").value = String(view.smooth);
  setText(byId("smooth-value"), view.smooth ? view.smooth.toFixed(2) : "off");
  for (const x of ["epoch", "seconds"]) byId(`x-${x}`).setAttribute("aria-pressed", String(view.x === x));
}

createSeedLaunch({
  answer: () => answer,
  onDone(runs, tone, content) {
    const all = [...new Set([...view.runs, ...runs])];
    const fits = all.length <= MOST_RUNS;
    notice(tone, ...content, fits ? "" : ` At most ${MOST_RUNS} runs can be compared at once: the new ones are not shown here.`);
    if (!runs.length) return;
    status.refresh();
    if (fits) go({ runs: all });
  },
});

byId("metric").append(...METRICS.map(({ name, title }) => element("option", { value: name, text: title })));
byId("metric").addEventListener("change", () => {
  change({ metric: byId("metric").value });
  showLive();
});
byId("smooth").addEventListener("input", () => {
  change({ smooth: Number(byId("smooth").value) });
  showLive();
});
for (const x of /** @type {const} */ (["epoch", "seconds"])) {
  byId(`x-${x}`).addEventListener("click", () => {
    change({ x });
    showLive();
  });
}
byId("add-button").addEventListener("click", () => {
  byId("add").showModal();
  void further.open(view.runs);
});
addEventListener("popstate", () => {
  view = parseView(location.search);
  showControls();
  void load();
});
closable(byId("add"), true);
closable(byId("help"), true);
listenForKeys({
  a: () => answer && byId("add-button").click(),
  "?": () => byId("help").showModal(),
});
showControls();
void load();

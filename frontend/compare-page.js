/** The Compare page: what its address says is loaded and shown, and followed while runs go on. */

import { get } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { createChooser } from "./compare-choose.js";
import { createControls } from "./compare-controls.js";
import { createDiffers } from "./compare-differs.js";
import { createFigure } from "./compare-figure.js";
import { createBetweenFindings } from "./compare-findings.js";
import { createSeedLaunch, missingText, openSeeds } from "./compare-launch.js";
import { createLegend } from "./compare-legend.js";
import { createCurves, loadTable } from "./compare-load.js";
import { applyToAnswer } from "./compare-model.js";
import { createModels } from "./compare-models.js";
import { createPair } from "./compare-pair.js";
import { createResults, overview } from "./compare-results.js";
import { createSweep } from "./compare-sweep.js";
import { createVerdict } from "./compare-verdict.js";
import { addressOf, coloursFor, parseView, toggled, withoutRecipe } from "./compare-view.js";
import { byId, element, setText } from "./dom.js";
import { createComparisonExport } from "./export-compare.js";
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
const showBetween = createBetweenFindings();
const showDiffers = createDiffers();
const showResults = createResults({ onRemove: removeRecipe, onOpen: openRecipe });
const showLegend = createLegend({ onToggle: toggleRecipe });
const showFigure = createFigure();
const showControls = createControls({ onDrawn: changeDrawn, onAsked: changeAsked });
const showPair = createPair({ onChosen: (pair) => change({ pair }), onLaunched: joinRuns });
const showModels = createModels({ onChosen: (models) => change({ models }) });
const showSweep = createSweep({ onChosen: (changes) => (change(changes), showSweepNow()) });
const curves = createCurves({ answer: () => answer, view: () => view, take: takeCurves, onError });
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
  showBetween(answer);
  showDiffers(answer, colourOf);
  showResults(answer, colourOf, view.open);
  showLegend(answer.items, colourOf, view.hidden);
  showPair(answer, view);
  showModels(answer, view.models);
  showSweepNow();
  showLive();
}

const showSweepNow = () => answer && showSweep(answer, view, colourOf);

/** What moves with every epoch. */
function showLive() {
  if (!answer) return;
  setText(byId("overview"), overview(answer.items, answer.runs));
  showFigure(answer, view, colourOf);
}

async function loadView() {
  const { runs, recipes } = view;
  if (!runs.length && !recipes.length) return void (await showNothing());
  const loaded = await loadTable(view);
  if (runs !== view.runs || recipes !== view.recipes) return; // others were chosen in the meantime
  take({ ...loaded, series: {} });
  live.start(loaded.cursor);
  await curves.load();
}

/** @param {(answer: import("./compare-model.js").Answer) => import("./compare-model.js").Answer} change */
function takeCurves(change) {
  if (!answer) return;
  answer = change(answer);
  showLive();
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
  if (!view.runs.length && !view.recipes.length) live.start(cursor);
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
const refreshSoon = createCoalescer(refresh, REFRESH_MS);

async function refresh() {
  if (!answer) return;
  const asked = view;
  try {
    const fresh = await loadTable(asked, true);
    if (!answer || ["runs", "recipes", "value", "target"].some((name) => asked[name] !== view[name])) return;
    // A recipe may have got further runs: their curves are not there yet.
    take({ ...fresh, differs: answer.differs, same: answer.same, series: answer.series });
    await curves.load();
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    showProblem(problem.message);
  }
}

/** @param {import("./types.js").LiveEvent} event */
function onEvent(event) {
  if (event.kind === "state") status.refresh();
  if (!answer) return;
  curves.note(event);
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
  showControls(view);
}

/** The curves are drawn otherwise. @param {Partial<View>} changes */
function changeDrawn(changes) {
  change(changes);
  showLive();
  void curves.load();
}

/** The table is another one. @param {Partial<View>} changes */
function changeAsked(changes) {
  change(changes);
  refresh().catch(({ message }) => onError(message));
}

/** @param {string} recipe */
function openRecipe(recipe) {
  change({ open: toggled(view.open, recipe) });
  if (answer) showResults(answer, colourOf, view.open);
}

/** @param {string} recipe */
function toggleRecipe(recipe) {
  change({ hidden: toggled(view.hidden, recipe) });
  if (!answer) return;
  showLegend(answer.items, colourOf, view.hidden);
  showSweepNow();
  showLive();
}

/** @param {string} recipe */
function removeRecipe(recipe) {
  const rest = withoutRecipe(view, recipe, answer?.items ?? [], colourOf);
  if (rest) go(rest); // else a second press, before the first is answered
}

/** @param {number[]} runs */
function addRuns(runs) {
  const all = [...new Set([...view.runs, ...runs])];
  if (all.length > MOST_RUNS) return onError(`At most ${MOST_RUNS} runs can be compared at once; these are ${all.length}.`);
  byId("add").close();
  go({ runs: all });
}

/** Runs that were launched from here, with what is to be said of it: they join the comparison.
 *  @param {number[]} runs @param {"good"|"bad"} tone @param {(Node|string)[]} content */
function joinRuns(runs, tone, content) {
  const all = [...new Set([...view.runs, ...runs])];
  const fits = all.length <= MOST_RUNS;
  notice(tone, ...content, fits ? "" : ` At most ${MOST_RUNS} runs can be compared at once: the new ones are not shown here.`);
  if (!runs.length) return;
  status.refresh();
  if (fits) go({ runs: all });
}

/** Another set of runs: a step that the browser's back button takes back. @param {Partial<View>} changes */
function go(changes) {
  view = { ...view, ...changes };
  history.pushState(null, "", addressOf(view));
  void load();
}

createSeedLaunch({
  button: byId("launch-missing"),
  entries: () => (answer ? openSeeds(answer.verdict.more_seeds, answer.runs) : []),
  caption: (entries) => `Launch the missing seeds: ${missingText(entries)}`,
  onDone: joinRuns,
});

byId("add-button").addEventListener("click", () => {
  byId("add").showModal();
  void further.open(answer?.runs.map(({ id }) => id) ?? view.runs);
});
addEventListener("popstate", () => {
  view = parseView(location.search);
  showControls(view);
  void load();
});
createComparisonExport(byId("export"));
closable(byId("add"), true);
closable(byId("help"), true);
listenForKeys({
  a: () => answer && byId("add-button").click(),
  "?": () => byId("help").showModal(),
});
showControls(view);
void load();

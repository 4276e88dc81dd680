/** The page of one run: loads it, follows its events, hands each part what changed. */

import { get, serverNow } from "./api.js";
import { createCancel } from "./cancel.js";
import { createCoalescer } from "./coalesce.js";
import { byId, setText, showProgress, stateLabel } from "./dom.js";
import { createEpochsTable } from "./epochs-table.js";
import { createFamily } from "./family.js";
import { createFigures } from "./figures.js";
import { createFindings } from "./findings.js";
import { recipeLine, runTitle } from "./format.js";
import { closable, listenForKeys } from "./keys.js";
import { createLive } from "./live.js";
import { createLogPanel } from "./log-panel.js";
import { fractionDone, stateText } from "./progress.js";
import { isOver, shownState } from "./run-states.js";
import { createRunActions } from "./run-actions.js";
import { createAttempts } from "./run-attempts.js";
import { createCheckpoints } from "./run-checkpoints.js";
import { createEnvironment, createStrip } from "./run-facts.js";
import { createLinks } from "./run-links.js";
import { lossesText, staleFor, staleText } from "./run-losses-model.js";
import { createPredictions } from "./run-predictions.js";
import { createSeries } from "./run-series.js";
import { showSpec } from "./run-spec.js";
import { applyEvent } from "./runs-model.js";
import { applyToSeries } from "./series-model.js";
import { notice, showLink, watchStatus } from "./standing.js";
import { untilItWorks } from "./until-it-works.js";

const id = Number(/\/runs\/(\d+)/.exec(location.pathname)?.[1]);
/** @type {import("./types.js").Run|null} */ let run = null;
/** @type {import("./series-model.js").SeriesByMetric} */ let series = {};
/** Position of the last stored event. */
let latest = 0;

const status = watchStatus({ onStale });
const onError = (/** @type {string} */ message) => notice("bad", message);
const load = untilItWorks(loadAll, { isRefused: ({ status: code }) => code === 404, onRefused: showMissing });
const live = createLive({ run: id, logAfter: () => log.wholeUntil(), onEvent, onReset: load, onLink });
const state = stateLabel();
const cancel = createCancel({ onError, onChanged: take });
const actions = createRunActions({ onError, onChanged: takeAgain, onDeleted: () => location.assign("/") });
const family = createFamily();
const predictions = createPredictions(id);
const showStrip = createStrip();
const showAttempts = createAttempts(id, onError);
const showEnvironment = createEnvironment();
const findings = createFindings(id);
const checkpoints = createCheckpoints(id);
const links = createLinks(id);
const epochs = createEpochsTable();
const figures = createFigures(id);
const showSteps = createSeries(id, "steps", "step");
const showDevice = createSeries(id, "device", "second");
const log = createLogPanel(id, serverNow);
byId("state").append(state.node);
byId("cancel").append(cancel.node);
byId("actions").append(actions.node);

/** @param {{state: "live"|"lost", since: number}} link */
function onLink(link) {
  showLink(link);
  if (link.state === "live") log.load().catch((problem) => onError(problem.message));
}

/** @param {Map<number, import("./types.js").Stale>} stale */
function onStale(stale) {
  if (!run) return;
  run = { ...run, stale: stale.get(id) ?? null };
  showRun();
}

/** @param {import("./types.js").Run} changed */
function take(changed) {
  run = { ...changed, progress: changed.progress ?? run?.progress ?? null, stale: changed.stale ?? run?.stale ?? null };
  showRun();
}

/** A run that was put back has lost its curves, or its end: all of it is loaded again. @param {import("./types.js").Run} changed */
function takeAgain(changed) {
  take({ ...changed, progress: null });
  void load();
}

function showRun() {
  if (!run) return;
  showState();
  cancel.update(run);
  actions.update(run);
  family.showParent(run);
  log.setOver(isOver(run));
  showStrip(run, series, serverNow());
  showSteps(run);
  showDevice(run);
  // Over before its first epoch: nothing will come where curves would be.
  byId("curves").hidden = byId("epochs-part").hidden = isOver(run) && run.last === null;
  const failed = run.state === "failed";
  byId("failure").hidden = !failed && !run.detail;
  byId("failure").classList.toggle("bad", failed);
  setText(byId("failure-reason"), failed ? `Failed: ${run.reason ?? "no reason was given"}` : "");
  setText(byId("failure-detail"), run.detail ?? "");
  showLosses();
}

/** Told anew every second: it says whether the run waits after a loss. */
function showState() {
  if (!run) return;
  const text = stateText(run, serverNow());
  state.show(shownState(run), run.state === "failed" ? "failed" : text);
  showProgress(byId("progress"), fractionDone(run), text);
}

/** Told anew every second: both say when something comes. */
function showLosses() {
  if (!run) return;
  const stale = staleText(run, serverNow());
  const losses = lossesText(run, serverNow());
  byId("stale").hidden = stale === null;
  byId("losses").hidden = losses === "";
  setText(byId("stale-text"), stale ?? "");
  setText(byId("stale-for"), staleFor(run, serverNow()));
  setText(byId("losses"), losses);
}

function showHeading() {
  if (!run) return;
  const title = runTitle(run);
  document.title = `${title} · Runyard`;
  setText(byId("title"), title);
  setText(byId("number"), `#${run.id}${run.size === "quick" ? " · quick" : ""}${run.experiment ? ` · ${run.experiment}` : ""}`);
  setText(byId("recipe"), recipeLine(run));
  void showSpec(run);
}

/** What a run's events do not bring. @param {any} loaded */
function showAround(loaded) {
  showAttempts.show(loaded.attempts, serverNow());
  showEnvironment(loaded.attempts);
  family.showChildren(loaded.children);
  family.showSiblings(loaded.siblings);
  links.show(loaded.siblings);
  followNumbers(loaded);
}

/** What is made of epochs, and asked for apart. @param {import("./types.js").Run} trained */
function followNumbers({ last, state: now }) {
  predictions.follow(last !== null);
  findings.follow(last !== null);
  checkpoints.follow(isOver({ state: now }));
}

function showSeries() {
  epochs.show(series);
  figures.setSeries(series);
}

/** The run first: its cursor is the oldest, so the stream repeats what the other answers know already. */
async function loadAll() {
  if (!Number.isSafeInteger(id)) return showMissing({ message: "Runs are known by whole numbers." });
  const loaded = await get(`/api/runs/${id}`);
  run = loaded;
  byId("run").hidden = false;
  showHeading();
  showRun();
  showAround(loaded);
  const points = await get(`/api/runs/${id}/points`);
  series = points.series;
  showSeries();
  showRun();
  live.start(loaded.cursor);
  const drawn = await get(`/api/runs/${id}/figures`);
  figures.setFigures(drawn.figures, loaded.spec.epochs);
}

/** @param {{message: string}} problem */
function showMissing({ message }) {
  byId("missing").hidden = false;
  byId("run").hidden = byId("link").hidden = true;
  document.title = "No such run · Runyard";
  setText(byId("missing-text"), message);
}

/** Losses are forgiven at a checkpoint, which no event tells. */
const forgiven = createCoalescer(async () => {
  const { losses } = await get(`/api/runs/${id}`);
  if (run) run = { ...run, losses };
  showLosses();
}, 3000);

/** @type {ReturnType<typeof setTimeout>|undefined} */ let refreshTimer;

/** A change of state brings what the event does not: attempts, queue place, exact times. */
function refreshSoon(waitMs = 300) {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(async () => {
    const before = latest;
    try {
      const loaded = await get(`/api/runs/${id}`);
      if (latest !== before) return refreshSoon(); // an event overtook the answer
      take(loaded);
      showAround(loaded);
    } catch (problem) {
      if (problem.status === 0) refreshSoon(Math.min(waitMs * 2, 10_000)); // away: ask less and less often
      else onError(problem.message);
    }
  }, waitMs);
}

/** @param {import("./types.js").LiveEvent} event */
function onEvent(event) {
  if (event.kind === "state") status.refresh();
  if (!run || event.data.run !== id) return;
  if (event.kind === "log") return log.append([event.data]);
  if (event.position !== null) latest = event.position;
  run = applyEvent(run, event);
  if (event.kind === "epoch" || event.kind === "rewind") {
    series = applyToSeries(series, event);
    showSeries();
    followNumbers(run);
    if (run.losses) forgiven(); // a checkpoint may have been made with it
  }
  showRun();
  if (event.kind === "state") refreshSoon();
}

closable(byId("help"), true);
listenForKeys({
  c: () => location.assign(byId("compare").href),
  "/": () => byId("log-search").focus(),
  "?": () => byId("help").showModal(),
});
setInterval(() => {
  if (!run) return;
  showState();
  showStrip(run, series, serverNow());
  showLosses();
  showAttempts.tick(serverNow());
}, 1000);
void load();

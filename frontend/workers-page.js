/** The Workers page: who trains, what waits, and in which order. The rows are in workers-list.js and workers-queue.js. */

import { get, post, serverNow } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId, setText, stateLabel } from "./dom.js";
import { count, counted, dayClock } from "./format.js";
import { closable, listenForKeys } from "./keys.js";
import { createLive } from "./live.js";
import { notice, showLink, watchStatus } from "./standing.js";
import { untilItWorks } from "./until-it-works.js";
import { createWorkerList } from "./workers-list.js";
import { afterEvent, moved, overviewText, stepBefore } from "./workers-model.js";
import { createQueueTable } from "./workers-queue.js";

/** @typedef {import("./workers-model.js").Queue} Queue */

const SHOWN = 100;
const LONGEST_PAGE = 500;
const REFRESH_MS = 3000;

/** Whether the whole of a long queue is shown lives in the URL. */
let all = new URLSearchParams(location.search).has("all");
/** @type {Queue|null} */ let queue = null;
/** @type {import("./workers-model.js").Worker[]} */ let workers = [];
/** Changes that were asked for and not answered; what was loaded meanwhile is older than they are. */
let pending = 0;
let changes = 0;
/** @type {Promise<unknown>} */ let chain = Promise.resolve();

const onError = (/** @type {string} */ message) => notice("bad", message);
const status = watchStatus({ warns: false });
const live = createLive({ onEvent, onReset: () => void start(), onLink: showLink });
const list = createWorkerList(byId("workers"), { now: serverNow, onDrain, onForget });
const table = createQueueTable(byId("queue-rows"), {
  now: serverNow,
  onError,
  onStep,
  onDrop,
  onPriority,
  onCancelled,
  onDragEnd: () => renderQueue(),
});
const flow = stateLabel();
byId("queue-state").append(flow.node);

// Loading.

/** Two more than are shown: a row at the end is put behind the one that follows it. */
const pageSize = () => (all ? LONGEST_PAGE : SHOWN + 2);

/** @returns {Promise<Queue>} */
async function loadQueue() {
  const whole = await get(`/api/queue?limit=${pageSize()}`);
  while (all && whole.runs.length < whole.total) {
    const { runs } = await get(`/api/queue?limit=${LONGEST_PAGE}&offset=${whole.runs.length}`);
    const known = new Set(whole.runs.map((/** @type {any} */ entry) => entry.run));
    const fresh = runs.filter((/** @type {any} */ entry) => !known.has(entry.run)); // the queue moves between two pages
    if (!fresh.length) break;
    whole.runs.push(...fresh);
  }
  return whole;
}

/** @returns {Promise<Queue>} what was loaded, shown already where nothing has changed since it was asked for */
async function load() {
  const before = changes;
  const [answer, standing] = await Promise.all([loadQueue(), get("/api/workers")]);
  if (before !== changes || pending) return answer;
  workers = standing.workers;
  renderWorkers();
  take(answer);
  return answer;
}

/** Until it has worked once, and again where the stream says that nothing it told is true any more. */
const start = untilItWorks(async () => live.start((await load()).cursor), {
  onLost: () => setText(byId("overview"), "The workers could not be loaded."),
});

async function loadAgain() {
  try {
    await load();
  } catch (problem) {
    if (problem.status !== 0) onError(problem.message); // a lost connection is told in the header
    throw problem;
  }
}

const refresh = createCoalescer(loadAgain, 300);

/** @param {Queue} answer */
function take(answer) {
  queue = answer;
  renderQueue();
}

/** @param {import("./types.js").LiveEvent} event */
function onEvent(event) {
  workers = afterEvent(workers, event);
  if (event.kind !== "state") return renderWorkers();
  status.refresh();
  refresh();
}

// Showing.

function renderWorkers() {
  const none = workers.length === 0;
  byId("workers-section").hidden = false;
  byId("workers").hidden = byId("drain-help").hidden = none;
  byId("no-workers").hidden = !none;
  setText(byId("overview"), overviewText(workers));
  list.show(workers);
}

function renderQueue() {
  if (!queue || table.isDragging()) return;
  const { total, paused_at: pausedAt } = queue;
  const shown = all ? queue.runs : queue.runs.slice(0, SHOWN);
  byId("queue-section").hidden = false;
  byId("queue").hidden = total === 0;
  byId("no-queue").hidden = total > 0;
  byId("queue-section").classList.toggle("paused", pausedAt !== null);
  setText(byId("queue-count"), total ? `${counted(total, "run")} ${total === 1 ? "waits" : "wait"}` : "");
  flow.show(pausedAt ? "paused" : "flowing", pausedAt ? `paused since ${dayClock(Date.parse(pausedAt), serverNow())}` : "flowing");
  setText(byId("queue-help"), pausedAt ? "Nothing starts until you resume it. What is in training goes on." : "The next free worker takes the first run that is ready. A higher priority goes first. Times are estimates.");
  setText(byId("pause"), pausedAt ? "Resume the queue" : "Pause the queue");
  byId("pause").classList.toggle("primary", pausedAt !== null);
  byId("below").hidden = shown.length >= total;
  setText(byId("show-all"), `Show all ${count(total)}`);
  setText(byId("shown"), `The first ${count(shown.length)} are shown`);
  table.show(shown, total);
}

// Changing.

/** Do one change after the other; the last answer counts. @param {() => Promise<Queue|void>} action @returns {Promise<boolean>} */
function change(action) {
  changes += 1;
  pending += 1;
  const done = chain.then(async () => {
    try {
      const answer = await action();
      if (answer && pending === 1 && (!all || answer.total <= LONGEST_PAGE)) take(answer);
      else refresh();
      return true;
    } catch (problem) {
      onError(problem.message);
      refresh();
      return false;
    } finally {
      pending -= 1;
      changes += 1; // what was asked for before this was answered may not know of it
    }
  });
  chain = done;
  return done;
}

/** Show it at once, and ask for it. @param {number} run @param {number|null} before */
async function move(run, before) {
  if (!queue) return;
  const goesOutOfSight = before === null && queue.runs.length < queue.total;
  const runs = goesOutOfSight ? queue.runs.filter((entry) => entry.run !== run) : moved(queue.runs, run, before);
  queue = { ...queue, runs };
  renderQueue();
  const row = byId("queue-rows").querySelector(`tr[data-run="${run}"]`);
  if (row) row.scrollIntoView({ block: "nearest" });
  else byId("show-all").focus();
  if (await change(() => post(`/api/queue/move?limit=${pageSize()}`, { run, before }))) say(run);
}

/** @param {number} run */
function say(run) {
  const entry = queue?.runs.find((one) => one.run === run);
  if (entry) setText(byId("said"), `Run ${run} is now ${entry.position} of ${queue?.total}.`);
}

/** @param {number} run @param {import("./workers-queue.js").Step} step */
function onStep(run, step) {
  const before = stepBefore((queue?.runs ?? []).map((entry) => entry.run), run, step);
  if (before !== undefined) void move(run, before);
}

/** The end of what is shown is before the first that is not. @param {number} run @param {number|null} before */
function onDrop(run, before) {
  const hidden = all ? null : (queue?.runs[SHOWN]?.run ?? null);
  void move(run, before ?? hidden);
}

/** @param {number} run @param {number} priority */
async function onPriority(run, priority) {
  const done = await change(async () => void (await post(`/api/runs/${run}/priority`, { priority })));
  if (done) setText(byId("said"), `Run ${run} has priority ${priority}.`);
  return done;
}

/** @param {number} run */
function onCancelled(run) {
  changes += 1;
  if (queue) take({ ...queue, total: queue.total - 1, runs: queue.runs.filter((entry) => entry.run !== run) });
  setText(byId("said"), `Run ${run} is cancelled.`);
  status.refresh();
  refresh();
}

/** @param {import("./workers-model.js").Worker} worker @param {boolean} wanted */
async function onDrain(worker, wanted) {
  changes += 1;
  try {
    ({ workers } = await post("/api/workers/drain", { worker: worker.id, drain: wanted }));
    renderWorkers();
    status.refresh();
  } catch (problem) {
    onError(problem.message);
  }
  changes += 1; // what was asked for before this was answered may not know of it
  refresh();
}

/** @param {import("./workers-model.js").Worker} worker */
async function onForget(worker) {
  changes += 1;
  try {
    ({ workers } = await post("/api/workers/forget", { worker: worker.id }));
    renderWorkers();
    setText(byId("said"), `${worker.name} on ${worker.host} is forgotten.`);
    byId("workers-section").focus({ preventScroll: true }); // the button goes
    status.refresh();
  } catch (problem) {
    onError(problem.message);
  }
  changes += 1; // what was asked for before this was answered may not know of it
  refresh();
}

byId("pause").addEventListener("click", async () => {
  const path = queue?.paused_at ? "resume" : "pause";
  await change(() => post(`/api/queue/${path}?limit=${pageSize()}`));
  status.refresh();
});
byId("show-all").addEventListener("click", () => {
  all = true;
  history.replaceState(null, "", "?all");
  byId("queue").focus({ preventScroll: true }); // the button goes
  refresh();
});
closable(byId("help"), true);
listenForKeys({
  "?": () => byId("help").showModal(),
});
setInterval(() => list.tick(), 1000);
setInterval(() => !document.hidden && refresh(), REFRESH_MS);
document.addEventListener("visibilitychange", () => !document.hidden && refresh());
void start();

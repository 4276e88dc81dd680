/** The report page: loads the view of one variant, follows its runs, hands each part what changed. */

import { get, mayPass } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";
import { createReportExport } from "./export-report.js";
import { counted } from "./format.js";
import { closable, listenForKeys } from "./keys.js";
import { createLive } from "./live.js";
import { createBlock } from "./report-blocks.js";
import { createContents } from "./report-contents.js";
import { createDrawing } from "./report-figures.js";
import { createReportLaunch } from "./report-launch.js";
import { afterChoice, chosenVariant, referenceWishes, runsOf } from "./report-model.js";
import { createOwnList } from "./report-own-list.js";
import { createReferenceBar } from "./report-references.js";
import { createReportHead } from "./report-standing.js";
import { notice, showLink, watchStatus } from "./standing.js";
import { untilItWorks } from "./until-it-works.js";

/** @typedef {import("./report-types.js").View} View */

const NAME = "cifar10-transfer";
const REFRESH_MS = 500; // at most two views a second, however many events come

/** @type {View|null} */ let view = null;
let sending = false;
/** Progress is told by the stream alone, by run. @type {Map<number, any>} */ const progress = new Map();
/** Runs of which something is new that is not on the page yet: their cells say so. @type {Set<number>} */ const stale = new Set();
/** Every run that a cell rests on. @type {Set<number>} */ let rested = new Set();

const status = watchStatus();
const onError = (/** @type {string} */ message) => notice("bad", message);
const drawing = createDrawing();
const head = createReportHead({ onChoice, progress });
const references = createReferenceBar({ onChange: onReferences, onError });
void createOwnList(byId("own-reports"), onError);
const showContents = createContents(byId("contents"));
const showSections = createList(byId("sections"), (/** @type {any} */ { id }) => id, createSection);
const load = untilItWorks(loadView, { isRefused: ({ status: code }) => code >= 400 && code < 500, onRefused: showRefusal, onLost: showUnchanged });
const live = createLive({ onEvent, onReset: load, onLink: showLink });
const launcher = createReportLaunch({
  name: NAME,
  variant: () => /** @type {View} */ (view).variant,
  sentence: () => view?.standing.confirmation ?? null,
  onSending: (now) => {
    sending = now;
    if (view) head.update(view, sending);
  },
  onLaunched,
  onError,
});

function createSection() {
  const title = element("h2");
  const number = element("span", { class: "section-number" });
  const words = element("span");
  const body = element("div");
  title.append(number, words);
  const node = element("section", {}, title, body);
  const blocks = createList(body, (/** @type {any} */ block, index) => `${block.kind} ${block.id ?? index}`, (block) => createBlock(block, { drawing, progress, stale, onAdded }));
  const update = (/** @type {import("./report-types.js").Section} */ section) => {
    setAttribute(node, "id", section.id);
    setText(number, /\d/.test(section.id) ? section.id : "");
    setText(words, section.title);
    // The sweep's one block has the section's own name: it is not said twice.
    blocks(section.blocks.map((block) => ("id" in block && block.id === section.id ? { ...block, id: undefined, title: "" } : block)));
  };
  return { node, update };
}

/** @param {View} loaded */
function show(loaded) {
  view = loaded;
  rested = runsOf(loaded);
  stale.clear();
  byId("report").hidden = false;
  references.update(loaded.references);
  head.update(loaded, sending);
  showSections(loaded.sections);
  showContents(loaded);
  drawing.forget();
}

const address = () => `/api/reports/${NAME}?${chosenVariant(location.search)}`;

/** Which load is the newest: an answer that another one overtook is not shown. */
let asked = 0;
let shownAddress = "";

async function loadView() {
  const mine = ++asked;
  shownAddress = address();
  byId("main").setAttribute("aria-busy", "true");
  try {
    const loaded = await get(shownAddress);
    if (mine !== asked) return;
    const first = view === null;
    show(loaded);
    live.start(loaded.cursor);
    if (first && location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  } catch (problem) {
    if (mine === asked) throw problem;
  } finally {
    byId("main").removeAttribute("aria-busy");
  }
}

/** A variant that cannot be is told; what is on the page stays. @param {any} problem */
function showRefusal({ message }) {
  const back = location.search ? [" ", element("a", { href: "/report", text: "Show the usual variant" })] : [];
  showUnchanged();
  return notice("bad", message, ...back);
}

/** The choices are again those of what is shown. */
function showUnchanged() {
  if (view) head.update(view, sending);
  else setText(byId("about"), "");
}

/** In place, and silently: what the events changed. A failure of the service is tried again. */
const refreshSoon = createCoalescer(async () => {
  const mine = asked;
  try {
    const loaded = await get(address());
    if (mine === asked) show(loaded);
  } catch (problem) {
    if (mayPass(problem)) throw problem;
    onError(problem.message);
  }
}, REFRESH_MS);

/** @param {import("./types.js").LiveEvent} event */
function onEvent({ kind, data }) {
  if (kind === "state") status.refresh();
  const known = rested.has(data.run);
  if (kind === "progress") {
    if (!known || !view) return;
    progress.set(data.run, data);
    head.tick();
    return showSections(view.sections);
  }
  if (kind === "state") progress.delete(data.run);
  if (known && view && !stale.has(data.run)) {
    stale.add(data.run);
    showSections(view.sections);
  }
  // A state of an unknown run may be that of one which was launched elsewhere for this report.
  if (known || kind === "state") refreshSoon();
}

/** @param {string} name @param {string} value */
function onChoice(name, value) {
  if (!view) return;
  go(afterChoice(view.variant, name, value), referenceWishes(view.references.shown));
}

/** @param {import("./report-types.js").ShownReference[]} shown what the report is to be held against */
function onReferences(shown) {
  if (view) go(chosenVariant(location.search), referenceWishes(shown));
}

/** Another view: a step that the browser's back button takes back. @param {URLSearchParams} variant @param {string[]} wishes */
function go(variant, wishes) {
  variant.delete("reference");
  // What is shown without a word needs none.
  if (wishes.join() !== "published") for (const wish of wishes) variant.append("reference", wish);
  history.pushState(null, "", `/report?${variant}`);
  void load();
}

/** Seeds that were added are runs of this report, also where another seed is shown. @param {number[]} runs */
function onAdded(runs) {
  for (const run of runs) rested.add(run);
  status.refresh();
  refreshSoon();
}

/** @param {{runs: number[], reused: number}} answer */
function onLaunched({ runs, reused }) {
  const before = reused ? `; ${counted(reused, "run")} ${reused === 1 ? "was" : "were"} there already` : "";
  notice("good", `Launched ${counted(runs.length, "run")}${before}. The tables fill as epochs end.`);
  status.refresh();
  refreshSoon();
}

byId("run-missing").addEventListener("click", launcher.launch);
addEventListener("popstate", () => address() !== shownAddress && void load()); // a link within the page changes no variant
createReportExport(byId("export"), () => view);
closable(byId("help"), true);
listenForKeys({
  m: launcher.launch,
  "?": () => byId("help").showModal(),
});
setInterval(head.tick, 1000);
void load();

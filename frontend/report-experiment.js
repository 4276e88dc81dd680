/** One experiment of the report: where it stands, its facts, its table beside its figure, its notes. */

import { serverNow } from "./api.js";
import { createFact, createList, element, setAttribute, setText, showProgress, stateLabel } from "./dom.js";
import { createFaithful } from "./faithful.js";
import { counted, MISSING, percent } from "./format.js";
import { fractionDone, stateText } from "./progress.js";
import { asStanding, factsOf, MARKS, outcomesText, protocolText } from "./report-model.js";
import { blockHeading } from "./report-parts.js";
import { createSeedButton } from "./report-seeds.js";
import { createReportTable } from "./report-table.js";

/** @typedef {import("./report-types.js").Experiment} Experiment */
/** @typedef {{drawing: import("./report-figures.js").Drawing, progress: Map<number, any>, stale: Set<number>, onAdded: (runs: number[]) => void}} Place
 *   what the page lends its blocks; stale: runs of which something is new that is not shown yet */

/** @param {Experiment} first @param {Place} place */
export function createExperiment(first, { drawing, progress, stale, onAdded }) {
  const heading = blockHeading();
  const standing = createStanding(progress);
  const about = element("p", { class: "prose" });
  const factList = element("dl", { class: "facts" });
  const facts = createList(factList, ([name]) => name, createFact);
  const start = createStart();
  const faithful = createFaithful();
  const table = createReportTable(`${first.id} ${first.title}`, first.columns);
  const foot = createFoot({ onAdded });
  const figure = drawing.figure(first.id, first.title);
  const noteList = element("ul", { class: "callouts" });
  const notes = createList(noteList, ({ kind }, index) => `${kind} ${index}`, createNote);
  const twin = createTwin(progress);
  const left = element("div", { class: "card" }, element("div", { class: "wide-scroll", tabindex: "0", role: "region", "aria-label": `Table of ${first.title}` }, table.node), foot.node);
  const node = element(
    "article",
    { class: "block experiment", "data-experiment": first.preset },
    element("div", { class: "block-head" }, heading.node, standing.node),
    about,
    factList,
    start.node,
    faithful.node,
    element("div", { class: "beside" }, left, figure.node),
    noteList,
    twin.node,
  );

  const update = (/** @type {Experiment} */ block) => {
    setAttribute(node, "id", block.id);
    setAttribute(node, "aria-labelledby", `title-${block.id}`);
    setAttribute(node, "data-state", block.run?.state ?? "missing");
    heading.update(block);
    standing.update(block);
    setText(about, block.about);
    facts(factsOf(block));
    start.update(block);
    faithful.update(block.faithful);
    table.update(block.rows, block.references);
    foot.update(block);
    const isStale = block.seeds.run_ids.some((id) => stale.has(id));
    setAttribute(left, "data-stale", isStale ? "" : null);
    foot.showStale(isStale);
    figure.update(block.figure);
    const [warned, quiet] = [true, false].map((wanted) => block.notes.filter(({ kind }) => WARNED.has(kind) === wanted));
    notes([...warned, ...quiet].filter(({ text }) => text !== block.start));
    noteList.hidden = !noteList.children.length;
    twin.update(block.twin);
  };
  return { node, update };
}

/** State, progress and the ways to the run. @param {Map<number, any>} progress by run, as the stream told it */
function createStanding(progress) {
  const state = stateLabel();
  const bar = element("div", { class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100, hidden: true }, element("i"));
  const links = [element("a"), element("a", { text: "raw output" }), element("a", { text: "notebook" })];
  const node = element("div", { class: "block-standing" }, state.node, bar, ...links);
  const update = (/** @type {Experiment} */ { run, output, notebook }) => {
    const known = run && asStanding({ ...run, progress: progress.get(run.id) ?? run.progress });
    const text = known ? stateText(known, serverNow()) : "not run yet";
    state.show(run?.state ?? "missing", text, run?.detail ?? null);
    showProgress(bar, known ? fractionDone(known) : null, text);
    setText(links[0], run ? `run ${run.id}` : "");
    [run ? `/runs/${run.id}` : null, output, notebook].forEach((address, index) => {
      setAttribute(links[index], "href", address);
      links[index].hidden = !address;
    });
  };
  return { node, update };
}

/** What it starts from, with the runs that it waits for or took its weights of. */
function createStart() {
  const text = element("span");
  const list = element("span", { class: "parents" });
  const parents = createList(list, ({ run, title }) => run?.id ?? title, createParent);
  const node = element("p", { class: "start" }, text, " ", list);
  const update = (/** @type {Experiment} */ block) => {
    setText(text, block.start ? `${block.start[0].toUpperCase()}${block.start.slice(1)}` : "");
    parents(block.parents);
  };
  return { node, update };
}

function createParent() {
  const state = stateLabel();
  const link = element("a");
  const node = element("span", { class: "parent" }, state.node, link);
  const update = (/** @type {Experiment["parents"][number]} */ { title, run, about }) => {
    node.hidden = !run;
    state.show(run?.state ?? "missing", "", run?.state);
    setText(link, run ? `run ${run.id}${run.state === "completed" ? "" : `, ${run.state}`}` : ""); // the sentence names it
    setAttribute(link, "href", run ? `/runs/${run.id}` : null);
    setAttribute(link, "title", [title, about].filter(Boolean).join(": "));
  };
  return { node, update };
}

/** Below the table: how many seeds count, and of each reference what differs and how often each verdict fell.
 *  @param {import("./report-seeds.js").Told} told */
function createFoot(told) {
  const seeds = element("span");
  const stale = element("span", { class: "stale-note", role: "status" });
  const add = createSeedButton(told, false);
  const list = element("ul", { class: "held" });
  const references = createList(list, (/** @type {import("./report-types.js").Beside} */ { name }) => name, createHeld);
  const key = element("p", { class: "key" });
  const node = element("div", { class: "card-foot" }, element("div", { class: "seeds" }, seeds, " ", stale, " ", add.node), list, key);

  const update = (/** @type {Experiment} */ { seeds: { n, runs, left_out: leftOut, add: launch }, references: held }) => {
    const count = n ? `${counted(n, "seed")} ${n === 1 ? "counts" : "count"} (${runs.map((id) => `run ${id}`).join(", ")}).` : "No seed has completed.";
    setText(seeds, leftOut ? `${count} ${leftOut}` : count);
    add.update(launch ? [launch] : []);
    references(held);
    const fell = Object.keys(MARKS).filter((name) => MARKS[name] && held.some(({ outcomes }) => outcomes[name]));
    setText(key, fell.map((name) => `${MARKS[name]} ${name}`).join("   "));
  };
  const showStale = (/** @type {boolean} */ isStale) => setText(stale, isStale ? "Runs of this table have changed; it is being read again." : "");
  return { node, update, showStale };
}

function createHeld() {
  const name = element("b");
  const verdict = element("span", { class: "verdict" });
  const outcomes = element("span", { class: "outcomes" });
  const chip = element("summary");
  const rows = element("ul");
  const details = element("details", { class: "protocol" }, chip, rows);
  const list = createList(rows, ({ field }) => field, () => {
    const node = element("li");
    const update = (/** @type {Experiment["protocol"][number]} */ { field, published, here }) => setText(node, `${field}: published ${published}, here ${here}`);
    return { node, update };
  });
  const node = element("li", {}, name, " ", verdict, " ", outcomes, details);
  const update = (/** @type {import("./report-types.js").Beside} */ { title, table, there, protocol, verdict: last, outcomes: fell }) => {
    setText(name, there && table ? `${title}, Table ${table}` : title);
    setText(verdict, verdictText(there, last));
    setText(outcomes, outcomesText(fell));
    const text = protocolText(protocol);
    details.hidden = !text;
    setText(chip, text ?? "");
    list(protocol);
  };
  return { node, update };
}

/** What is said of the last epoch; where its protocol differs the chip below names the fields.
 *  @param {boolean} there @param {import("./report-types.js").Judged|null} last */
function verdictText(there, last) {
  if (!there) return "It has no table of this experiment.";
  if (!last) return "It has no test accuracy for the last epoch.";
  return last.outcome === "protocol differs" ? "" : `Last epoch, test accuracy: ${last.text}`;
}

/** Tones by kind: what went wrong stands out, what explains stays quiet. */
const WARNED = new Set(["chance", "collapsed"]);

/** @param {{kind: string, text: string}} first */
function createNote({ kind }) {
  const node = element("li", { class: WARNED.has(kind) ? "callout warn" : "callout", "data-note": kind });
  const update = (/** @type {{text: string}} */ { text }) => setText(node, text ? `${text[0].toUpperCase()}${text.slice(1)}` : "");
  return { node, update };
}

/** @param {Map<number, any>} progress */
function createTwin(progress) {
  const name = element("b");
  const state = stateLabel();
  const numbers = element("span");
  const text = element("span", { class: "muted" });
  const link = element("a");
  const node = element("p", { class: "twin" }, name, " ", state.node, " ", numbers, " ", link, " ", text);
  const update = (/** @type {import("./report-types.js").Twin|null} */ twin) => {
    node.hidden = !twin;
    if (!twin) return;
    const { run, last } = twin;
    setText(name, `Corrected twin: ${twin.title}`);
    state.show(run?.state ?? "missing", run ? stateText(asStanding({ ...run, progress: progress.get(run.id) ?? run.progress }), serverNow()) : "not run yet");
    setText(numbers, last ? `test accuracy ${percent(last.test_acc)}% (best ${twin.best_test_acc === null ? MISSING : `${percent(twin.best_test_acc)}%`})` : "");
    setText(link, run ? `run ${run.id}` : "");
    setAttribute(link, "href", run ? `/runs/${run.id}` : null);
    setText(text, twin.text ?? "");
  };
  return { node, update };
}

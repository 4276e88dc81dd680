/** What the report page says of its view: variant, numbers of a cell, facts, standing. Pure: no DOM, no network. */

import { count, counted, duration, isNumber, loss, MISSING, NOT_FINITE, percent, roughly } from "./format.js";
import { stateText } from "./progress.js";
import { isTraining } from "./run-states.js";

/** @typedef {import("./report-types.js").View} View */
/** @typedef {import("./report-types.js").Experiment} Experiment */
/** @typedef {import("./report-types.js").BriefRun} BriefRun */

export const CHOICES = /** @type {const} */ (["size", "dataset", "pretraining", "seed"]);

/** What stands in a published cell that cannot be read: never a zero. */
export const UNREADABLE = "·";

/** What of the page's address chooses a variant, and what it is held against. @param {string} search @returns {URLSearchParams} */
export function chosenVariant(search) {
  const given = new URLSearchParams(search);
  const chosen = CHOICES.filter((name) => given.get(name)).map((name) => [name, String(given.get(name))]);
  return new URLSearchParams([...chosen, ...given.getAll("reference").map((value) => ["reference", value])]);
}

/** A loss or a share as its column shows it. @param {string} metric @param {number|null|undefined} value */
export const shown = (metric, value) => (/acc$/.test(metric) ? percent(value) : loss(value));

/** The measured value of a cell, the word for one that is no number, or a dash.
 *  @param {import("./report-types.js").Row} row @param {string} metric */
export function measuredText(row, metric) {
  const word = row.nonfinite?.[metric];
  return word ? (NOT_FINITE[word] ?? word) : shown(metric, row.measured?.[metric]);
}

/** "+0.3", "−0.6": measured less published, in points. @param {number|null} points */
export function deltaText(points) {
  if (!isNumber(points)) return MISSING;
  const size = Math.abs(points).toFixed(1);
  return size === "0.0" ? "0.0" : `${points < 0 ? "−" : "+"}${size}`;
}

/** What stands before a verdict's words where there is no room for them: never the colour alone. @type {Object<string, string>} */
export const MARKS = { reproduced: "✓", below: "↓", better: "↑", "protocol differs": "≠", "not enough seeds": "n<3", "not a number": "NaN", "not run yet": "" };

/** The value of a cell: the mean over seeds, both of two, or what the run that is shown has so far.
 *  @param {import("./report-types.js").Row} row @param {string} metric */
export function cellText(row, metric) {
  const cell = row.cells?.[metric];
  if (!cell?.n) return measuredText(row, metric);
  if (cell.values) return cell.values.map((value) => shown(metric, value)).join(", ");
  return cell.kind === "not a number" ? NOT_FINITE.nan : shown(metric, cell.mean);
}

/** "± 0.4 · n 3": the half-width where there is one, and how many seeds count. @param {import("./report-types.js").Row} row @param {string} metric */
export function spreadText(row, metric) {
  const cell = row.cells?.[metric];
  if (!cell?.n) return isNumber(row.measured?.[metric]) ? "so far" : "";
  const half = isNumber(cell.half) ? `± ${/acc$/.test(metric) ? (100 * cell.half).toFixed(1) : loss(cell.half)} · ` : "";
  return `${half}n ${cell.n}`;
}

/** What a cell's numbers mean, for whoever points at it. @param {import("./report-types.js").Row} row @param {string} metric */
export function cellTitle(row, metric) {
  const cell = row.cells?.[metric];
  if (!cell?.n) return isNumber(row.measured?.[metric]) ? "One run that has not completed: no seed counts yet" : null;
  const [low, high] = [shown(metric, cell.low), shown(metric, cell.high)];
  if (cell.kind === "t") return cell.half === 0 ? `All ${cell.n} seeds end alike: no spread to judge by` : `Mean of ${cell.n} seeds, 95% interval of the mean ${low} to ${high}`;
  if (cell.kind === "two") return "Two seeds: both values, as their interval would be nine standard deviations wide";
  if (cell.kind === "wilson") return `One run; by its test images alone the 95% interval is ${low} to ${high}`;
  return cell.kind === "not a number" ? "A seed has a value here that is no number" : "One run";
}

/** "+0.3" points of an accuracy, "−0.012" nats of a loss. @param {string} metric @param {number|null|undefined} delta */
export function differenceText(metric, delta) {
  if (!isNumber(delta)) return MISSING;
  if (/acc$/.test(metric)) return deltaText(delta);
  const size = Math.abs(delta).toFixed(3);
  return size === "0.000" ? size : `${delta < 0 ? "−" : "+"}${size}`;
}

/** "12 reproduced · 3 below": how often each verdict fell. @param {Object<string, number>} outcomes */
export const outcomesText = (outcomes) =>
  Object.keys(MARKS).filter((name) => outcomes[name]).map((name) => `${outcomes[name]} ${name}`).join(" · ");

/** The address of a list of references, each with its tolerance where that is not its own. @param {import("./report-types.js").ShownReference[]} references */
export const referenceWishes = (references) =>
  references.map(({ name, tolerance_points: points, own_tolerance_points: own }) => (points === own || !isNumber(points) ? name : `${name}:${Number(points.toFixed(4))}`));

/** "seed 2", "seeds 1 and 2". @param {number[]} seeds */
export const seedsText = (seeds) => (seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${seeds.slice(0, -1).join(", ")} and ${seeds.at(-1)}`);

/** Every run that any cell or sentence of a view rests on, over all seeds. @param {View} view @returns {Set<number>} */
export function runsOf(view) {
  const found = new Set(view.standing.run_ids);
  for (const block of view.sections.flatMap(({ blocks }) => blocks)) {
    if (block.kind === "experiment") for (const id of block.seeds?.run_ids ?? []) found.add(id);
    if (block.kind === "comparison") for (const { run_ids: ids } of block.items) for (const id of ids ?? []) found.add(id);
  }
  return found;
}

/** The hyper-parameters as name and value; both where the published one differs, and the layers that were changed.
 *  @param {Experiment} block @returns {[string, string][]} */
export function factsOf({ hyper, changed }) {
  const facts = hyper.map(({ name, published, here }) => {
    const differs = published !== null && published !== undefined && published !== here;
    return /** @type {[string, string]} */ ([name, differs ? `${here} (published: ${published})` : here]);
  });
  const layers = changed.map(({ path, before, after }) => `${path}: ${before} → ${after}`);
  return layers.length ? [...facts, ["Changed", layers.join("; ")]] : facts;
}

/** "Protocol differs: image size, images", or null. @param {Experiment["protocol"]} protocol */
export const protocolText = (protocol) =>
  protocol.length ? `protocol differs: ${protocol.map(({ field }) => field).join(", ")}` : null;

/** @param {View} view @returns {Experiment[]} */
export const experiments = ({ sections }) =>
  /** @type {Experiment[]} */ (sections.flatMap(({ blocks }) => blocks.filter(({ kind }) => kind === "experiment")));

/** The strip of numbers: a value, what it counts, and a remark. @param {View} view @param {number} sinceMs since it was loaded */
export function standingOf(view, sinceMs) {
  const { standing } = view;
  const tables = experiments(view);
  const complete = tables.filter(({ run }) => run?.state === "completed").length;
  const of = (/** @type {string[]} */ ...states) => states.reduce((sum, state) => sum + (standing.states[state] ?? 0), 0);
  const active = of("running", "cancelling");
  const waiting = of("queued", "waiting");
  const going = [active && `${active} running`, waiting && `${waiting} waiting`, of("failed") && `${of("failed")} failed`];
  const seconds = standing.seconds === null ? null : standing.seconds + (active || waiting ? sinceMs / 1000 : 0);
  return [
    { value: `${complete} of ${tables.length}`, title: "Tables complete", extra: complete === tables.length ? "every experiment has run" : `${tables.length - complete} to go` },
    { value: `${of("completed")} of ${count(standing.runs)}`, title: "Runs done", extra: going.filter(Boolean).join(" · ") || (of("completed") ? "nothing is running" : "none has begun") },
    { value: duration(seconds), title: "Time spent", extra: isNumber(standing.budget_seconds) ? `budget ${roughly(standing.budget_seconds)}` : "" },
    { value: standing.missing ? count(standing.missing) : "0", title: standing.missing === 1 ? "Run missing" : "Runs missing", extra: estimateText(standing) },
  ];
}

/** "about 3 min on a CPU with two cores", "" where nothing is missing or nobody knows. @param {View["standing"]} standing */
export function estimateText({ missing, estimate_seconds: seconds, device, workers }) {
  if (!missing || !isNumber(seconds)) return "";
  return `about ${roughly(seconds)} ${missing > 1 && workers > 1 ? `over ${count(workers)} workers, the first on` : "on"} ${device}`;
}

/** What stateText wants to know, of the little that a view tells of a run. @param {BriefRun} run */
export const asStanding = (run) => ({
  state: run.state,
  reason: run.reason ?? null,
  progress: run.progress ?? null,
  last: run.epoch ? { epoch: run.epoch } : null,
  spec: { epochs: run.epochs ?? 1 },
});

/** Every run that the view names, by id, with a title. @param {View} view @returns {Map<number, {title: string, run: BriefRun}>} */
export function namedRuns(view) {
  /** @type {Map<number, {title: string, run: BriefRun}>} */ const found = new Map();
  const add = (/** @type {string} */ title, /** @type {BriefRun|null|undefined} */ run) => {
    if (run && !found.has(run.id)) found.set(run.id, { title, run });
  };
  for (const block of view.sections.flatMap(({ blocks }) => blocks)) {
    if (block.kind === "experiment") {
      add(block.title, block.run);
      add(block.twin?.title ?? "", block.twin?.run);
    }
    if (block.kind === "sweep")
      for (const row of block.rows) {
        add(`Sweep, ${row.node}`, row.published.run);
        add(`Sweep, ${row.node}, corrected`, row.corrected.run);
      }
  }
  for (const { parents } of experiments(view)) for (const { title, run } of parents) add(title, run);
  return found;
}

/** What is being trained now, or null. @param {View} view @param {Map<number, any>} progress by run, as told by the stream
 *  @param {number} now @returns {{id: number, text: string}[]} */
export function trainedNow(view, progress, now) {
  return [...namedRuns(view).values()]
    .filter(({ run }) => isTraining(run))
    .map(({ title, run }) => {
      const known = progress.get(run.id) ?? run.progress ?? null;
      return { id: run.id, text: `${title}: ${stateText(asStanding({ ...run, progress: known, epochs: run.epochs ?? known?.epochs }), now)}` };
    });
}

/** The words on the button. @param {View["standing"]} standing */
export function launchText({ missing, runs, states }) {
  if (missing) return `Run what is missing (${count(missing)})`;
  const done = states.completed ?? 0;
  return done >= runs ? "Nothing is missing" : `${counted(runs - done, "run")} on the way`;
}

/** What stands in the way of this variant: what the service says, and the help for each choice that is not here.
 *  @param {View} view @returns {string[]} */
export function obstacles({ variant: { dataset, pretraining, choices }, standing: { problem } }) {
  const chosen = [choices.datasets.find(({ name }) => name === dataset), choices.pretraining.find(({ name }) => name === pretraining)];
  const help = chosen.flatMap((one) => (one && one.ready === false ? [one.help || `${one.title} is not here.`] : []));
  return help.length || !problem ? help : [problem];
}

/** The address of the variant after one choice; what cannot stand beside it is left to the service.
 *  @param {View["variant"]} variant @param {string} name @param {string} value */
export function afterChoice({ size, dataset, pretraining, seed }, name, value) {
  const wanted = new URLSearchParams({ size, dataset, pretraining, seed: String(seed), [name]: value });
  // Networks are pretrained on other images than those of the report.
  if (wanted.get("dataset") === wanted.get("pretraining")) wanted.delete(name === "dataset" ? "pretraining" : "dataset");
  return wanted;
}

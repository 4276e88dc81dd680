/** Workers and the queue in words, and what a move means. Pure: no DOM, no network. */

import { clock, counted, dayClock, duration, moment, roughly } from "./format.js";
import { fateText } from "./run-losses-model.js";

/** @typedef {"idle"|"busy"|"draining"|"drained"|"leaving"|"stale"|"lost"} WorkerState
 * @typedef {{run: number, name: string, seed: number, state: import("./types.js").RunState, epochs: number, last_epoch: number|null,
 *   losses: number, max_losses: number, progress: import("./types.js").Progress|import("./types.js").Preparation|null, stale: import("./types.js").Stale|null}} Training
 * @typedef {{run: number, name: string, state: import("./types.js").RunState}} Had the run that a lost worker had, as it stands now
 * @typedef {{id: string, name: string, host: string, device: string, device_name: string, devices: number, version: string,
 *   state: WorkerState, drain_requested: boolean, last_seen: string, training: Training|null, had: Had|null}} Worker
 * @typedef {{run: number, name: string, recipe: string, spec: import("./types.js").Spec, seed: number, state: "queued"|"waiting",
 *   priority: number, position: number, why: string, starts_in_seconds: number|null}} Entry
 * @typedef {{cursor: string, paused_at: string|null, total: number, runs: Entry[]}} Queue */

export const LOWEST_PRIORITY = -1000;
export const HIGHEST_PRIORITY = 1000;

/** What a worker does, beside its dot. @param {Worker} worker */
export function stateWords({ state, training }) {
  switch (state) {
    case "busy":
      return "trains";
    case "draining":
      return "draining";
    case "leaving":
      return training ? "leaving: stops its run" : "leaving";
    default:
      return state;
  }
}

/** What stands in place of a run where a worker has none, or will have no other. @param {Worker} worker @param {number} now */
export function situation(worker, now) {
  const { state, last_seen: seen, drain_requested: drained } = worker;
  switch (state) {
    case "idle":
      return "Ready for the next run.";
    case "drained":
      return "Takes no more runs.";
    case "draining":
      return "Takes no more after this run.";
    case "leaving":
      return "Its process was told to end.";
    case "stale":
      return staleSituation(worker, now);
    case "lost":
      return `Lost since ${dayClock(Date.parse(seen), now)}: its process ended, its machine sleeps, or the network is cut.${drained ? " It is drained, too." : ""}`;
    default:
      return "";
  }
}

/** @param {Worker} worker @param {number} now */
function staleSituation({ training, last_seen: seen }, now) {
  if (!training) return "Late with its sign of life. It may come back; else it is lost in a moment.";
  if (!training.stale) return "Late with its sign of life. Its run is heard of.";
  const { heard_at: heard, until } = training.stale;
  const who = Date.parse(seen) - Date.parse(heard) > 5000 ? "It is heard of, but its run has not been" : "Neither it nor its run has been heard of";
  return `${who} since ${moment(heard, now)}. The run ${fateText(training, until, now)}.`;
}

/** What became of the run that a lost worker had. @param {Had} had */
export const hadWords = ({ state }) => (state === "queued" || state === "waiting" ? "back in the queue" : state === "running" ? "running elsewhere" : state);

/** What it trains on: "CPU, 2 cores", or "CPU, 2 cores · 2 devices". @param {Worker} worker */
export const deviceText = ({ device_name: name, devices }) => (devices > 1 ? `${name} · ${counted(devices, "device")}` : name);

/** "last heard of 2 s ago". @param {Worker} worker @param {number} now */
export const heardText = (worker, now) => `last heard of ${roughly(secondsSince(worker.last_seen, now))} ago`;

/** "2 workers train", or "3 workers: 1 trains, 2 are drained". @param {Worker[]} workers */
export function overviewText(workers) {
  if (!workers.length) return "No worker is here";
  /** @type {[WorkerState[], string, string][]} */ const groups = [
    [["busy", "draining"], "trains", "train"],
    [["idle"], "is idle", "are idle"],
    [["drained"], "is drained", "are drained"],
    [["leaving"], "is leaving", "are leaving"],
    [["stale"], "is stale", "are stale"],
    [["lost"], "is lost", "are lost"],
  ];
  const found = groups
    .map(([states, one, many]) => ({ one, many, number: workers.filter(({ state }) => states.includes(state)).length }))
    .filter(({ number }) => number);
  const words = found.map(({ one, many, number }) => (number === 1 ? one : many));
  if (found.length === 1) return `${counted(workers.length, "worker")} ${words[0]}`;
  return `${counted(workers.length, "worker")}: ${found.map(({ number }, index) => `${number} ${words[index]}`).join(", ")}`;
}

/** What tells how far a training is, as the other pages know it. @param {Training} training */
export const standingOf = ({ state, progress, stale, last_epoch: epoch, epochs }) => ({
  state,
  stale,
  progress,
  last: epoch === null ? null : { epoch },
  spec: { epochs },
});

/** The workers after an event of the stream; those given are not altered.
 *  @param {Worker[]} workers @param {import("./types.js").LiveEvent} event @returns {Worker[]} */
export function afterEvent(workers, { kind, data }) {
  const change = changeBy(kind, data);
  if (!change) return workers;
  return workers.map((worker) => (worker.training?.run === data.run ? { ...worker, training: { ...worker.training, ...change, stale: null } } : worker));
}

/** @param {string} kind @param {any} data @returns {Partial<Training>|null} */
function changeBy(kind, data) {
  if (kind === "progress") return { progress: data };
  if (kind === "epoch") return { last_epoch: data.epoch };
  return kind === "rewind" ? { last_epoch: data.epoch || null, progress: null } : null;
}

/** About when a run starts: "now", "14:20", or with the day where it is another. @param {number|null} seconds @param {number} now */
export function startText(seconds, now) {
  if (seconds === null) return "—";
  if (seconds < 5) return "now";
  if (seconds < 60) return `in ${duration(Math.round(seconds))}`;
  const start = new Date(now + seconds * 1000);
  if (start.toDateString() === new Date(now).toDateString()) return clock(start.getTime());
  const day = seconds < 6 * 86_400 ? { weekday: "short" } : { day: "numeric", month: "short", year: "numeric" };
  return `${start.toLocaleDateString("en-GB", /** @type {any} */ (day))} ${clock(start.getTime())}`;
}

/** Before which run another goes by a step; null for the end, undefined where it stands there already.
 *  @param {number[]} order @param {number} run @param {"first"|"up"|"down"|"last"} step @returns {number|null|undefined} */
export function stepBefore(order, run, step) {
  const index = order.indexOf(run);
  if (index < 0) return undefined;
  const isFirst = index === 0;
  const isLast = index === order.length - 1;
  if (step === "first") return isFirst ? undefined : order[0];
  if (step === "up") return isFirst ? undefined : order[index - 1];
  if (step === "down") return isLast ? undefined : (order[index + 2] ?? null);
  return isLast ? undefined : null;
}

/** The queue with a run put before another, as it will look like once the service has done it. @param {Entry[]} entries
 *  @param {number} run @param {number|null} before @returns {Entry[]} */
export function moved(entries, run, before) {
  const found = entries.find((entry) => entry.run === run);
  if (!found) return entries;
  const others = entries.filter((entry) => entry.run !== run);
  const at = others.findIndex((entry) => entry.run === before);
  others.splice(at < 0 ? others.length : at, 0, found);
  const first = Math.min(...entries.map(({ position }) => position));
  return others.map((entry, index) => ({ ...entry, position: first + index }));
}

/** The whole number that was typed as a priority, else a sentence on what it must be.
 *  @param {string} text @returns {{value: number}|{wrong: string}} */
export function readPriority(text) {
  const typed = text.trim().replace("−", "-");
  const value = Number(typed);
  const fits = /^-?\d+$/.test(typed) && value >= LOWEST_PRIORITY && value <= HIGHEST_PRIORITY;
  return fits ? { value: value + 0 } : { wrong: `The priority is “${text.trim()}”; it must be a whole number from ${LOWEST_PRIORITY} to ${HIGHEST_PRIORITY}.` };
}

/** @param {string} iso @param {number} now */
const secondsSince = (iso, now) => Math.max(1, (now - Date.parse(iso)) / 1000);

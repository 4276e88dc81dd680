/** Which charts there are of the series that are too long to be points, and what is said beside them. Pure. */

import { count, counted, isNumber, NOT_FINITE } from "./format.js";
import { isOver } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {"step"|"second"} By */
/** @typedef {{name: string, title: string, unit: string, by: By, length: number, attempts: {attempt: number, length: number}[]|null}} Listed a series
 *   that a run has; one by step goes on over all attempts
 *  @typedef {{positions: number[], values: (number|null)[], nonfinite: Object<string, string>, thinned: boolean, of: number}} Values
 *   positions are steps, or seconds since the attempt began; nonfinite: the word for a gap, by its place in `values`
 *  @typedef {Listed & Values} Dense */
/** @typedef {{name: string, title: string, axis: string, series: string[], kind: "number"|"share"|"bytes"}} Chart */

/** Of one curve: some two for each pixel of a wide figure. */
export const POINTS = 2000;

/** @type {Record<By, Chart[]>} */
const CHARTS = {
  step: [
    { name: "step-loss", title: "Loss", axis: "Loss, nats", series: ["step_loss"], kind: "number" },
    { name: "step-lr", title: "Learning rate", axis: "Learning rate", series: ["step_lr"], kind: "number" },
    { name: "step-gradient", title: "Norm of the gradient, before clipping", axis: "Norm", series: ["step_gradient_norm"], kind: "number" },
  ],
  second: [
    { name: "load", title: "Load", axis: "Load", series: ["gpu_load", "cpu_load"], kind: "share" },
    { name: "memory", title: "Memory", axis: "Memory, GiB", series: ["gpu_memory_bytes", "process_memory_bytes"], kind: "bytes" },
    { name: "power", title: "Power", axis: "Power, W", series: ["gpu_watts"], kind: "number" },
    { name: "processors", title: "Processors that the training takes", axis: "Processors", series: ["process_cpus"], kind: "number" },
  ],
};

/** The charts that have something to draw, each with its series.
 *  @param {By} by @param {Dense[]} dense @returns {(Chart & {lines: Dense[]})[]} */
export function chartsOf(by, dense) {
  const drawn = new Map(dense.filter(({ values }) => values.some(isNumber)).map((one) => [one.name, one]));
  return CHARTS[by].flatMap((chart) => {
    const lines = chart.series.flatMap((name) => drawn.get(name) ?? []);
    return lines.length ? [{ ...chart, lines }] : [];
  });
}

/** The attempts that any of these series was told in, the newest first. @param {Listed[]} listed */
export const attemptsOf = (listed) => [...new Set(listed.flatMap(({ attempts }) => (attempts ?? []).map(({ attempt }) => attempt)))].sort((one, other) => other - one);

/** What is to be known about all curves together: how they were thinned, and what is missing.
 *  @param {By} by @param {Dense[]} dense */
export function remarks(by, dense) {
  const longest = dense.filter(({ thinned }) => thinned).sort((one, other) => other.of - one.of)[0];
  const noun = by === "step" ? "step" : "sample";
  const thinning = longest ? [`min and max of ${counted(bucketsOf(longest), "bucket")} of ${counted(longest.of, noun)}`] : [];
  return [...thinning, ...dense.flatMap((one) => missing(by, one))].join(" · ");
}

/** A bucket brings two values; where some are no numbers, up to five. @param {Dense} thinned */
const bucketsOf = ({ nonfinite }) => Math.floor(POINTS / (Object.keys(nonfinite).length ? 5 : 2));

/** @param {By} by @param {Dense} one @returns {string[]} */
function missing(by, { title, values, positions, nonfinite, thinned }) {
  const places = values.flatMap((value, place) => (isNumber(value) ? [] : [place]));
  if (!places.length) return [];
  if (by === "step") return [`${title}: ${wordOf(nonfinite, places[0])} at step ${count(positions[places[0]])}${places.length > 1 ? " and later" : ""}`];
  if (places.length === values.length) return [`${title}: not told by this device`];
  return [`${title}: ${thinned ? "gaps" : counted(places.length, "gap")}`];
}

/** What stands in the place of a gap. @param {Object<string, string>} nonfinite @param {number} place */
export const wordOf = (nonfinite, place) => NOT_FINITE[nonfinite[place] ?? "nan"] ?? "NaN";

/** Why there is nothing to see. @param {By} by @param {Run} run */
export function emptyText(by, run) {
  if (by === "step" && !run.spec.step_series) return "This run keeps no steps: launch it with step_series.";
  if (isOver(run)) return by === "step" ? "It ended before its first steps were kept." : "No sample of its device was kept: it ended too soon, or was trained before they were.";
  if (run.attempt > 0) return by === "step" ? "Waits for the first steps." : "Waits for the first samples: they come with each epoch, and every minute.";
  return "No worker has taken this run yet.";
}

/** The points of one run by metric, and what events do to them. Pure; values are never altered in place. */

import { isNumber } from "./format.js";

/** @typedef {import("./types.js").Series} Series */
/** @typedef {import("./types.js").LiveEvent} LiveEvent */
/** @typedef {Object<string, Series>} SeriesByMetric */

/** Set one point; an epoch that is there already is replaced, so that an event told twice does no harm.
 *  @param {Series} series @param {number} epoch @param {number|null} value @param {string|undefined} nonfinite
 *  @returns {Series} */
export function withPoint(series, epoch, value, nonfinite) {
  const kept = upTo(series, epoch - 1);
  const later = series.epochs.findIndex((one) => one > epoch);
  const tail = later < 0 ? series.epochs.length : later;
  return {
    epochs: [...kept.epochs, epoch, ...series.epochs.slice(tail)],
    values: [...kept.values, value, ...series.values.slice(tail)],
    nonfinite: nonfinite ? { ...series.nonfinite, [epoch]: nonfinite } : without(series.nonfinite, epoch),
  };
}

/** Drop what lies after an epoch. @param {Series} series @param {number} epoch @returns {Series} */
export function upTo(series, epoch) {
  const end = series.epochs.findIndex((one) => one > epoch);
  const length = end < 0 ? series.epochs.length : end;
  const nonfinite = Object.fromEntries(Object.entries(series.nonfinite).filter(([key]) => Number(key) <= epoch));
  return { epochs: series.epochs.slice(0, length), values: series.values.slice(0, length), nonfinite };
}

/** @param {SeriesByMetric} all @param {LiveEvent} event @returns {SeriesByMetric} */
export function applyToSeries(all, { kind, data }) {
  if (kind === "rewind") return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, upTo(one, data.epoch)]));
  if (kind !== "epoch") return all;
  const changed = { ...all };
  for (const [name, value] of Object.entries(data.metrics)) {
    const empty = { epochs: [], values: [], nonfinite: {} };
    changed[name] = withPoint(all[name] ?? empty, data.epoch, value, data.nonfinite?.[name]);
  }
  return changed;
}

/** The rows of the table of epochs. A value is a number, the word for one that is none ("nan"), or null.
 *  @param {SeriesByMetric} all @param {string[]} metrics
 *  @returns {{epoch: number, values: (number|string|null)[]}[]} */
export function epochRows(all, metrics) {
  const epochs = [...new Set(metrics.flatMap((name) => all[name]?.epochs ?? []))].sort((a, b) => a - b);
  const places = metrics.map((name) => new Map((all[name]?.epochs ?? []).map((epoch, index) => [epoch, index])));
  return epochs.map((epoch) => ({
    epoch,
    values: metrics.map((name, column) => {
      const index = places[column].get(epoch);
      const value = index === undefined ? null : all[name].values[index];
      return isNumber(value) ? value : (all[name]?.nonfinite[epoch] ?? null);
    }),
  }));
}

/** @param {Object<string, string>} nonfinite @param {number} epoch */
const without = (nonfinite, epoch) => Object.fromEntries(Object.entries(nonfinite).filter(([key]) => key !== String(epoch)));

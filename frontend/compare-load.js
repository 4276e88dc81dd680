/** Asks the service for what is compared: the table first, then the curves, a metric at a time. */

import { get } from "./api.js";
import { applyToAnswer, hasCurves, withCurves } from "./compare-model.js";
import { askedOf } from "./compare-view.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {import("./compare-view.js").View} View */

/** The table, without curves. @param {View} view @param {boolean} [again] without what no run changes @returns {Promise<Answer>} */
export function loadTable(view, again = false) {
  const query = askedOf(view);
  query.set("curves", "false");
  if (again) query.set("fields", "false");
  if (view.value !== "last") query.set("value", view.value);
  if (view.target !== null) query.set("target", String(view.target));
  return get(`/api/compare?${query}`);
}

/** Curves that an answer lacks for a view. @param {{answer: () => Answer|null, view: () => View,
 *    take: (change: (answer: Answer) => Answer) => void, onError: (message: string) => void}} options */
export function createCurves({ answer, view, take, onError }) {
  /** @type {string} */ let loading = "";
  /** What happened while curves were on their way: they may be of before it. @type {import("./types.js").LiveEvent[]} */ let meanwhile = [];

  const load = async () => {
    const [found, wanted] = [answer(), view()];
    const seconds = wanted.x === "seconds";
    if (!found || hasCurves(found, wanted.metric, seconds)) return;
    const query = askedOf(wanted);
    query.set("metric", wanted.metric);
    if (seconds) query.set("seconds", "true");
    const address = `/api/compare/curves?${query}`;
    if (loading === address) return; // it is on its way
    loading = address;
    meanwhile = [];
    try {
      const loaded = await get(address);
      const now = view();
      if (String(askedOf(now)) === String(askedOf(wanted))) take((newest) => meanwhile.reduce(applyToAnswer, withCurves(newest, loaded)));
    } catch (problem) {
      onError(problem.message);
    } finally {
      if (loading === address) loading = "";
    }
  };

  /** @param {import("./types.js").LiveEvent} event */
  const note = (event) => {
    if (loading) meanwhile.push(event);
  };
  return { load, note };
}

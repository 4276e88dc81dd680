/** What is known of a run besides its curves: the strip of numbers, the spec, the attempts. */

import { byId, createFact, createList, element, setText } from "./dom.js";
import { networkFacts } from "./environment-facts.js";
import { count, duration, elapsedSeconds, isNumber, loss, MISSING, moment, NOT_FINITE, percent, plain } from "./format.js";

/** @typedef {import("./types.js").Run} Run */

const STRIP = /** @type {const} */ ([
  ["test-accuracy", "Test accuracy, last"],
  ["best-accuracy", "Test accuracy, best"],
  ["training-loss", "Training loss"],
  ["speed", "Speed"],
  ["elapsed", "Time"],
]);

export function createStrip() {
  const cells = STRIP.map(([name, title]) => {
    const value = element("dd", { "data-fact": name, text: MISSING });
    const extra = element("dd", { class: "extra" });
    byId("strip").append(element("div", {}, element("dt", { text: title }), value, extra));
    return { value, extra };
  });

  /** @param {Run} run @param {import("./series-model.js").SeriesByMetric} series @param {number} now */
  return (run, series, now) => {
    const metrics = run.last?.metrics ?? {};
    const speed = run.progress?.images_per_second ?? metrics.images_per_second;
    const texts = [
      [withUnit(percent(metrics.test_acc), "%"), run.last ? `epoch ${run.last.epoch}` : "no epoch yet"],
      [withUnit(percent(run.best_test_acc), "%"), run.best_epoch ? `epoch ${run.best_epoch}` : ""],
      lossFact(run, series),
      [count(speed), isNumber(speed) ? "images per second" : ""],
      [duration(elapsedSeconds(run, now)), run.finished_at ? `ended ${moment(run.finished_at, now)}` : run.started_at ? `since ${moment(run.started_at, now)}` : "not started"],
    ];
    texts.forEach(([value, extra], index) => {
      setText(cells[index].value, value);
      setText(cells[index].extra, extra);
    });
  };
}

/** @param {Run} run @param {import("./series-model.js").SeriesByMetric} series @returns {[string, string]} */
function lossFact({ last }, series) {
  if (!last) return [MISSING, ""];
  const word = series.train_loss?.nonfinite[last.epoch];
  if (word) return [NOT_FINITE[word] ?? word, `no number in epoch ${last.epoch}`];
  return [loss(last.metrics.train_loss), "nats"];
}

/** @param {string} value @param {string} unit */
const withUnit = (value, unit) => (value === MISSING ? value : `${value}${unit}`);

const HASH = /^[0-9a-f]{64}$/;

/** The spec as pairs of a dotted path and a text; of weights only what they say something with. @param {any} part @param {string} [prefix] @returns {[string, string][]} */
export function specPairs(part, prefix = "") {
  return Object.entries(part).flatMap(([key, value]) => {
    const path = prefix ? `${prefix}.${key}` : key;
    if (key === "weights") return specPairs(Object.fromEntries(Object.entries(value).filter(([name, one]) => one !== null && (name !== "rule" || value.parent))), path);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return specPairs(value, path);
    const empty = /_limit$/.test(key) ? "all" : /size$/.test(key) ? "as stored" : "none";
    const text = value === null ? empty : typeof value === "number" ? plain(value) : HASH.test(value) ? value.slice(0, 12) : String(value);
    return [/** @type {[string, string]} */ ([path, text])];
  });
}

/** @param {Run} run */
export function showSpec(run) {
  const pairs = specPairs({ ...run.spec, recipe: run.recipe });
  byId("spec").replaceChildren(
    ...pairs.map(([path, text]) => element("div", {}, element("dt", { text: path }), element("dd", { text }))),
  );
}

/** Attempts change seldom: rows are made again only where their text differs, and open details stay open. */
export function createAttempts() {
  let shown = "";
  /** @param {import("./types.js").Attempt[]} attempts @param {number} now */
  return (attempts, now) => {
    const key = JSON.stringify(attempts);
    if (key === shown) return;
    shown = key;
    const body = byId("attempts");
    const open = new Set([...body.querySelectorAll("details[open]")].map((node) => node.dataset.attempt));
    body.replaceChildren(...attempts.map((attempt) => attemptRow(attempt, now, open)));
    byId("attempts-empty").hidden = attempts.length > 0;
  };
}

/** @param {import("./types.js").Attempt} attempt @param {number} now @param {Set<string>} open */
function attemptRow(attempt, now, open) {
  const why = [attempt.reason, attempt.detail].filter(Boolean).join(": ");
  const resumed = attempt.resumed_from_epoch;
  const environment = attempt.environment && Object.keys(attempt.environment).length ? attempt.environment : null;
  const details = environment
    ? element("details", { "data-attempt": attempt.number, open: open.has(String(attempt.number)) }, element("summary", { text: "Show" }), element("pre", { text: environmentText(environment) }))
    : MISSING;
  return element(
    "tr",
    {},
    element("td", { class: "number", text: attempt.number }),
    element("td", { text: attempt.worker }),
    element("td", { text: moment(attempt.started_at, now) }),
    element("td", { text: attempt.ended_at ? moment(attempt.ended_at, now) : "goes on" }),
    element("td", { class: "why", text: why || (attempt.ended_at ? "completed" : MISSING) }),
    element("td", { text: resumed ? `epoch ${resumed}` : "the start" }),
    element("td", {}, details),
  );
}

/** What the newest attempt tells of the network, under the heading of the run. */
export function createNetworkFacts() {
  const list = createList(byId("network"), ([name]) => name, createFact);
  /** @param {import("./types.js").Attempt[]} attempts */
  return (attempts) => {
    const environments = attempts.flatMap(({ environment }) => (environment ? [environment] : []));
    // An attempt that goes on from a checkpoint loads no weights: the one before it tells what the run started from.
    const weights = environments.findLast((told) => told.weights)?.weights;
    list(networkFacts(environments.length ? { ...environments.at(-1), weights } : null));
  };
}

/** The facts of the network stand above in words already. @param {Object<string, any>} environment */
const environmentText = (environment) =>
  Object.entries(environment)
    .filter(([name]) => !["model", "weights", "features"].includes(name))
    .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join("\n");

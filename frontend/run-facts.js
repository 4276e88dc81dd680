/** What is known of a run besides its curves: the strip of numbers, the network, what it ran on. */

import { byId, createFact, createList, element, setText } from "./dom.js";
import { machineFacts, networkFacts } from "./environment-facts.js";
import { count, counted, duration, elapsedSeconds, isNumber, loss, MISSING, moment, NOT_FINITE, percent } from "./format.js";
import { isOver } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */

const STRIP = /** @type {const} */ ([
  ["test-accuracy", "Test accuracy, last"],
  ["best-accuracy", "Test accuracy, best"],
  ["training-loss", "Training loss"],
  ["speed", "Speed"],
  ["elapsed", "Time"],
  ["energy", "Energy"],
]);

export function createStrip() {
  const cells = STRIP.map(([name, title]) => {
    const value = element("dd", { "data-fact": name, text: MISSING });
    const extra = element("dd", { class: "extra" });
    const node = element("div", {}, element("dt", { text: title }), value, extra);
    byId("strip").append(node);
    return { node, value, extra };
  });

  /** @param {Run} run @param {import("./series-model.js").SeriesByMetric} series @param {number} now */
  return (run, series, now) => {
    const metrics = run.last?.metrics ?? {};
    const speed = run.progress?.images_per_second ?? metrics.images_per_second;
    const energy = energyFact(series.energy_wh);
    const texts = [
      [withUnit(percent(metrics.test_acc), "%"), run.last ? `epoch ${run.last.epoch}` : isOver(run) ? "no epoch" : "no epoch yet"],
      [withUnit(percent(run.best_test_acc), "%"), run.best_epoch ? `epoch ${run.best_epoch}` : ""],
      lossFact(run, series),
      [count(speed), isNumber(speed) ? "images per second" : ""],
      [duration(elapsedSeconds(run, now)), run.finished_at ? `ended ${moment(run.finished_at, now)}` : run.started_at ? `since ${moment(run.started_at, now)}` : "not started"],
      energy ?? ["", ""],
    ];
    cells[texts.length - 1].node.hidden = energy === null; // most devices do not tell it
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

/** The energy of all epochs that told theirs. @param {import("./types.js").Series|undefined} told @returns {[string, string]|null} */
export function energyFact(told) {
  const known = (told?.values ?? []).filter(isNumber);
  if (!known.length) return null;
  const wattHours = known.reduce((sum, one) => sum + one, 0);
  const text = wattHours < 1000 ? `${Number(wattHours.toPrecision(3))} Wh` : `${Number((wattHours / 1000).toPrecision(3))} kWh`;
  return [text, `GPU alone, ${counted(known.length, "epoch")}`];
}

/** @param {string} value @param {string} unit */
const withUnit = (value, unit) => (value === MISSING ? value : `${value}${unit}`);

/** What the newest attempt tells: of the network under the heading, of what it ran on in a section of its own. */
export function createEnvironment() {
  const network = createList(byId("network"), ([name]) => name, createFact);
  const machine = createList(byId("environment"), ([name]) => name, createPair);
  /** @param {import("./types.js").Attempt[]} attempts */
  return (attempts) => {
    const told = attempts.findLast(({ environment }) => environment)?.environment;
    network(networkFacts(told));
    machine(machineFacts(told));
    byId("environment-empty").hidden = Boolean(told);
  };
}

function createPair() {
  const name = element("dt");
  const value = element("dd");
  const update = (/** @type {[string, string]} */ [title, text]) => {
    setText(name, title);
    setText(value, text);
  };
  return { node: element("div", {}, name, value), update };
}

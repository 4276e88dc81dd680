/** What stands beside the fields of the launch page: how many runs, what differs, what comes along, how long, what is missing. */

import { copyButton } from "./copy.js";
import { byId, element, setText } from "./dom.js";
import { count, counted, isNumber, roughly } from "./format.js";

/** @typedef {import("./launch-preview.js").Preview} Preview */
/** @typedef {import("./launch-request.js").Difference} Difference */

const FEW = 3;
const MOST_NAMES = 50;
const MOST_SEEDS = 8;

/** Several names as a text: the first ones, and how many more. Pure. @param {string[]} names */
export const firstOf = (names) => (names.length > FEW + 1 ? `${names.slice(0, FEW).join("; ")}; and ${count(names.length - FEW)} more` : names.join("; "));

/** "about 3 min to 2 h". @param {[number, number]} seconds of the shortest and the longest run */
const eachText = ([shortest, longest]) => (roughly(shortest) === roughly(longest) ? `about ${roughly(longest)}` : `about ${roughly(shortest)} to ${roughly(longest)}`);

/** "250 MB", "20.1 GB". Pure. @param {number} bytes */
export const bytesText = (bytes) => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);

/** The facts of a preview as pairs of a title and a text. Pure. @param {Preview} preview @returns {[string, string][]} */
export function factsOf({ count: runs, recipes, parents, seconds, run_seconds: each, device, workers, basis, memory_bytes: memory, device_memory_bytes: there }) {
  const seeds = runs / recipes;
  const several = runs + parents.length > 1;
  return [
    .../** @type {[string, string][]} */ (runs > 1 ? [["Recipes", seeds > 1 ? `${count(recipes)}, ${count(seeds)} seeds each` : count(recipes)]] : []),
    .../** @type {[string, string][]} */ (parents.length ? [["Trained before", firstOf(parents.map(({ name, seed }) => `${name}, seed ${seed}`))]] : []),
    ["Time", isNumber(seconds) ? `about ${roughly(seconds)} ${workers > 1 && several ? `over ${count(workers)} workers, the first on ${device}` : `on ${device}${several ? ", one after the other" : ""}`}` : each ? "not known: no worker here holds so many devices" : "not known before the data set is here"],
    .../** @type {[string, string][]} */ (several && each ? [["Each run", eachText(each)]] : []),
    .../** @type {[string, string][]} */ (isNumber(memory) ? [["Memory", `about ${bytesText(memory)}${isNumber(there) ? ` of ${bytesText(there)}` : ""}`]] : []),
    .../** @type {[string, string][]} */ (each ? [["Estimates", basis]] : []),
  ];
}

/** What a clone changes of its run's seed; empty where it keeps it. Pure. @param {number[]} seeds @param {{id: number, seed: number}} run */
export function seedsText(seeds, { id, seed }) {
  if (seeds.length > 1) return `Seeds ${seeds.length > MOST_SEEDS ? `${seeds.slice(0, MOST_SEEDS).join(", ")} and ${count(seeds.length - MOST_SEEDS)} more` : seeds.join(", ")} (run ${id} had ${seed})`;
  return seeds[0] === seed ? "" : `Seed ${seed} → ${seeds[0]}`;
}

/** @param {{onPutBack: (path: string) => void, onUseShapes: () => void}} options */
export function createSummary({ onPutBack, onUseShapes }) {
  const form = byId("launch-form");
  /** What is missing is shown again only where it changed: its button may be in use. */
  let shownMissing = "";

  /** @param {Difference[]} differs @param {string} base "the preset", "run 12" @param {string} seeds what a clone says of its seeds */
  const showDiffering = (differs, base, seeds) => {
    const but = seeds ? `, but for its seed${seeds.startsWith("Seeds") ? "s" : ""}` : "";
    setText(byId("launch-differs"), differs.length ? `${counted(differs.length, "field")} ${differs.length === 1 ? "differs" : "differ"} from ${base}` : `As ${base} ${base.startsWith("run") ? "was" : "says"}${but}`);
    byId("differing").replaceChildren(...differs.map(({ path, label, before, after }) => {
      const back = element("button", { type: "button", class: "link", text: "put back", "aria-label": `${label}: put ${before} back`, onclick: () => onPutBack(path) });
      return element("li", { "data-path": path }, element("span", {}, `${label} `, element("s", { text: before }), " → ", element("b", { text: after })), back);
    }));
    if (seeds) byId("differing").append(element("li", { "data-path": "seeds", text: seeds }));
  };

  /** @param {Preview["missing"]} missing */
  const showMissing = (missing) => {
    const key = JSON.stringify(missing);
    if (key === shownMissing) return;
    shownMissing = key;
    byId("missing").replaceChildren(...missing.map(({ what, sentence, command }) => {
      const line = element("span", { class: "command" }, element("code", { text: command }), copyButton("Copy", () => command, `Copy ${command}`));
      const use = element("button", { type: "button", class: "link", text: "Use shapes in its place", onclick: onUseShapes });
      return element("div", { class: "note warn" }, element("span", { text: sentence }), line, ...(what === "data set" ? [use] : []));
    }));
  };

  /** @param {Preview["runs"]} runs */
  const showNames = (runs) => {
    byId("run-names").hidden = runs.length < 2;
    setText(byId("run-names").firstElementChild, `The ${count(runs.length)} runs by name`);
    byId("names").replaceChildren(...runs.slice(0, MOST_NAMES).map(({ name, seed }) => element("li", {}, name, element("span", { class: "muted", text: ` · seed ${seed}` }))));
    if (runs.length > MOST_NAMES) byId("names").append(element("li", { class: "muted", text: `and ${count(runs.length - MOST_NAMES)} more` }));
  };

  return {
    /** What the page knows by itself, at once. @param {{runs: number, how: string, differs: Difference[]}} request
     *  @param {string} title what is launched @param {string} base what it differs from @param {string} seeds of a clone */
    showRequest({ runs, how, differs }, title, base, seeds) {
      setText(byId("what"), title);
      setText(byId("runs-count"), counted(runs, "run"));
      setText(byId("how"), how);
      showDiffering(differs, base, seeds);
    },
    /** The last answer stays until the next one is here, in grey. */
    showStale: () => form.classList.add("stale"),
    /** @param {Preview} preview */
    showPreview(preview) {
      form.classList.remove("stale");
      byId("facts").replaceChildren(...factsOf(preview).map(([title, text]) => element("div", {}, element("dt", { text: title }), element("dd", { text }))));
      showMissing(preview.missing);
      byId("warning").hidden = !preview.warning;
      setText(byId("warning"), preview.warning ?? "");
      byId("long").hidden = !preview.needs_confirmation;
      setText(byId("long"), preview.needs_confirmation?.replace(/: confirm to launch\.$/, ".") ?? "");
      showNames(preview.runs);
    },
  };
}

/** The missing seeds of a verdict, launched from the comparison: one launch a recipe, stored once however often it is pressed. */

import { get } from "./api.js";
import { element, setAttribute, setText } from "./dom.js";
import { counted } from "./format.js";
import { createLaunchSender } from "./launch-send.js";
import { seedsAddress } from "./links.js";
import { isOver } from "./run-states.js";

/** @typedef {import("./compare-model.js").Answer} Answer */
/** @typedef {Answer["verdict"]["more_seeds"][0]} Wanted */
/** @typedef {{entry: Wanted, runs: number[], refusal: string}} Outcome a refusal is empty where the runs were stored */

/** What can be launched: a recipe whose runs go on gets its answer from them first. Pure.
 *  @param {Wanted[]} wanted @param {Answer["runs"]} runs */
export const openSeeds = (wanted, runs) => wanted.filter(({ recipe }) => runs.every((run) => run.recipe !== recipe || isOver(run)));

/** "lr 0.1 seed 2, lr 0.01 seeds 1 and 2". Pure. @param {Wanted[]} wanted */
export const missingText = (wanted) => wanted.map(({ label, seeds }) => `${label} ${seedsText(seeds)}`).join(", ");

/** @param {number[]} seeds */
const seedsText = (seeds) => (seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${seeds.slice(0, -1).join(", ")} and ${seeds.at(-1)}`);

/** @param {{button: any, entries: () => Wanted[], caption: (entries: Wanted[]) => string, onDone: (runs: number[], tone: "good"|"bad", content: (Node|string)[]) => void}} options
 *  `caption`: what the button says of what is still to be launched; `onDone`: the runs that were stored, and what to say of it all */
export function createSeedLaunch({ button, entries, caption, onDone }) {
  /** A lost answer is asked for again with the same key. @type {Map<string, ReturnType<typeof createLaunchSender>>} */
  const senders = new Map();

  /** @param {Wanted} entry @returns {Promise<Outcome>} */
  const launch = async (entry) => {
    const { recipe, clone, seeds } = entry;
    const sender = senders.get(recipe) ?? createLaunchSender("/api/launches");
    senders.set(recipe, sender);
    try {
      const { experiment } = await get(`/api/runs/${clone}`);
      const { runs } = await sender.send({ clone, seeds, ...(experiment ? { experiment } : {}) });
      return { entry, runs, refusal: "" };
    } catch (problem) {
      return { entry, runs: [], refusal: problem.message };
    }
  };

  button.addEventListener("click", async () => {
    const wanted = entries();
    if (!wanted.length || button.getAttribute("aria-disabled")) return;
    setAttribute(button, "aria-disabled", "true"); // not `disabled`: that would take the focus away
    // A second click must not find a link where the button was.
    button.style.minWidth = `${button.offsetWidth}px`;
    button.style.minHeight = `${button.offsetHeight}px`;
    setText(button, "Launching…");
    /** @type {Outcome[]} */ const outcomes = [];
    for (const entry of wanted) outcomes.push(await launch(entry));
    setAttribute(button, "aria-disabled", null);
    button.style.minWidth = button.style.minHeight = "";
    setText(button, caption(outcomes.filter(({ refusal }) => refusal).map(({ entry }) => entry)));
    onDone(outcomes.flatMap(({ runs }) => runs), outcomes.some(({ refusal }) => refusal) ? "bad" : "good", told(outcomes));
  });
}

/** One notice of all: the new runs, then each refusal with the way to its form. @param {Outcome[]} outcomes @returns {(Node|string)[]} */
function told(outcomes) {
  const runs = outcomes.flatMap(({ runs: stored }) => stored);
  const links = runs.flatMap((id, place) => [place ? ", " : " ", element("a", { href: `/runs/${id}`, text: `run ${id}` })]);
  const refused = outcomes.filter(({ refusal }) => refusal).flatMap(({ entry, refusal }) => [
    ` ${entry.label}: ${refusal} `,
    element("a", { href: seedsAddress(entry.clone, entry.seeds), text: "Open the form" }),
  ]);
  return [...(runs.length ? [`Launched ${counted(runs.length, "run")}, compared here:`, ...links, "."] : []), ...refused];
}

/** "Add seeds 1 and 2": the seeds that a recipe lacks, queued by the ordinary launch, once however often it is pressed. */

import { get } from "./api.js";
import { element, setAttribute, setText } from "./dom.js";
import { counted } from "./format.js";
import { createLaunchSender } from "./launch-send.js";
import { seedsText } from "./report-model.js";

/** @typedef {import("./report-types.js").SeedLaunch} SeedLaunch */
/** @typedef {{onAdded: (runs: number[]) => void}} Told */

/** "AlexNet seeds 1 and 2, VGG16 seed 2". Pure. @param {SeedLaunch[]} launches @param {boolean} named */
export const launchesText = (launches, named) => launches.map(({ title, seeds }) => `${named ? `${title} ` : ""}${seedsText(seeds)}`).join(", ");

/** A button with what it would add, a question where that takes hours, and what became of it.
 *  @param {Told} options @param {boolean} named whether the words name the recipe */
export function createSeedButton({ onAdded }, named) {
  const button = element("button", { class: "quiet add-seeds", type: "button" });
  const said = element("span", { class: "muted", role: "status" });
  const yes = element("button", { class: "quiet", type: "button", text: "Launch all the same", hidden: true });
  const node = element("span", { class: "seed-launch", hidden: true }, button, " ", said, " ", yes);
  /** @type {SeedLaunch[]} */ let wanted = [];
  /** A lost answer is asked for again with the same key. @type {Map<string, ReturnType<typeof createLaunchSender>>} */ const senders = new Map();
  let busy = false;

  /** @param {SeedLaunch} launch @param {boolean} confirm @returns {Promise<number[]>} */
  const send = async ({ recipe, clone, seeds }, confirm) => {
    const sender = senders.get(recipe) ?? createLaunchSender("/api/launches");
    senders.set(recipe, sender);
    const { experiment } = await get(`/api/runs/${clone}`);
    const { runs } = await sender.send({ clone, seeds, ...(experiment ? { experiment } : {}), ...(confirm ? { confirm } : {}) });
    return runs;
  };

  /** @param {boolean} confirm */
  const launch = async (confirm) => {
    if (busy) return;
    busy = true;
    setAttribute(button, "aria-disabled", "true"); // not `disabled`: that would take the focus away
    yes.hidden = true;
    setText(said, "Launching…");
    /** @type {number[]} */ const runs = [];
    /** @type {string[]} */ const refused = [];
    for (const one of wanted) {
      try {
        runs.push(...(await send(one, confirm)));
      } catch (problem) {
        if (problem.kind === "ConfirmationNeeded") yes.hidden = false;
        refused.push(problem.message);
      }
    }
    busy = false;
    setAttribute(button, "aria-disabled", null);
    setText(said, [runs.length ? `Launched ${counted(runs.length, "run")}.` : "", ...new Set(refused)].filter(Boolean).join(" "));
    if (runs.length) onAdded(runs);
  };
  button.addEventListener("click", () => void launch(false));
  yes.addEventListener("click", () => void launch(true));

  /** @param {SeedLaunch[]} launches */
  const update = (launches) => {
    if (busy) return;
    wanted = launches;
    button.hidden = !launches.length;
    if (launches.length) setText(button, `Add ${launchesText(launches, named)}`);
    node.hidden = !launches.length && !said.textContent;
  };
  return { node, update };
}

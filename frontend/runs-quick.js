/** The one-click run of an empty store: the smallest preset on generated images. */

import { get, post } from "./api.js";
import { byId, element } from "./dom.js";
import { counted } from "./format.js";
import { newKey } from "./launch-send.js";
import { notice } from "./standing.js";

/** @param {{onLaunched: () => void, onError: (message: string) => void}} options */
export function createQuickRun({ onLaunched, onError }) {
  const button = byId("quick-run");
  const key = newKey();

  const launch = async () => {
    button.disabled = true;
    try {
      const { presets } = await get("/api/presets");
      const body = { preset: (presets.find(needsNothing) ?? presets[0]).name, size: "quick", overrides: { dataset: { name: "shapes" } } };
      tell((await post("/api/launches", body, { "Idempotency-Key": key })).runs);
      onLaunched();
    } catch (problem) {
      onError(problem.message);
    } finally {
      button.disabled = false;
    }
  };
  button.addEventListener("click", launch);
}

/** A regression on pixels: one on features has a network to be trained first, or weights to be fetched.
 *  @param {import("./types.js").Preset} preset */
const needsNothing = ({ sizes: { quick } }) => quick.model.arch === "softmax-regression" && !quick.features;

/** @param {number[]} ids */
function tell(ids) {
  const links = ids.flatMap((id) => [" ", element("a", { href: `/runs/${id}`, text: `run ${id}` })]);
  notice("good", `Launched ${counted(ids.length, "run")}:`, ...links);
}

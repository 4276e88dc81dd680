/** The spec of a run, what was changed in its preset first. */

import { get } from "./api.js";
import { copyButton } from "./copy.js";
import { byId, element, setText } from "./dom.js";
import { differenceText, specPairs } from "./run-spec-model.js";

/** @typedef {import("./types.js").Run} Run */

/** @param {Run} run shown at once, and again when the presets are here; without them nothing is marked */
export async function showSpec(run) {
  fill(run, undefined);
  byId("copy-spec").replaceChildren(copyButton("Copy as JSON", () => JSON.stringify(run.spec, null, 2)));
  if (!run.preset || !run.size) return;
  try {
    const { presets } = await get("/api/presets");
    fill(run, presets.find((/** @type {{name: string}} */ { name }) => name === run.preset));
  } catch {
    // The spec itself is there; what differs is told at the next load.
  }
}

/** @param {Run} run @param {import("./types.js").Preset|undefined} preset */
function fill(run, preset) {
  const pairs = specPairs(run.spec, (preset && run.size && preset.sizes[run.size]) ?? null);
  setText(byId("spec-text"), differenceText(pairs, preset, run.size));
  byId("spec").replaceChildren(
    ...[...pairs, { path: "recipe", text: run.recipe, preset: null }].map(({ path, text, preset: before }) => {
      const was = before === null ? [] : [element("small", { class: "was", text: `preset: ${before}` })];
      return element("div", { class: before === null ? null : "changed" }, element("dt", { text: path }), element("dd", {}, element("span", { text }), ...was));
    }),
  );
}

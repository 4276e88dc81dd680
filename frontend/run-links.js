/** Where a run leads: what it is compared with, what is launched from it, what can be taken from it. */

import { get } from "./api.js";
import { byId, setText } from "./dom.js";
import { counted } from "./format.js";
import { cloneAddress, compareAddress } from "./links.js";
import { notice } from "./standing.js";

/** @typedef {import("./types.js").Sibling} Sibling */

/** @param {number} run */
export function createLinks(run) {
  byId("output").href = `/api/runs/${run}/output`;
  byId("notebook").href = `/api/runs/${run}/notebook`;
  byId("notebook").addEventListener("click", (/** @type {Event} */ event) => {
    event.preventDefault();
    void downloadNotebook(`/api/runs/${run}/notebook`);
  });
  byId("clone").href = cloneAddress(run);
  /** @param {Sibling[]} siblings */
  const show = (siblings) => {
    byId("compare").href = compareAddress([run, ...siblings.map((one) => one.run)]);
    setText(byId("compare-text"), siblings.length ? `Compare with ${counted(siblings.length, "other")} of its recipe` : "Compare");
  };
  show([]);
  return { show };
}

/** Of some runs there is no notebook: then a sentence says so, where a download would just fail. @param {string} address */
async function downloadNotebook(address) {
  try {
    await get(address);
    location.assign(address);
  } catch (problem) {
    notice("bad", problem.message);
  }
}

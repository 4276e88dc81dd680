/** Where a run leads: what it is compared with, what is launched from it, what can be taken from it. */

import { byId, setText } from "./dom.js";
import { counted } from "./format.js";

/** @typedef {import("./types.js").Sibling} Sibling */

/** The page of comparisons with a run and the others of its recipe. Pure. @param {number} run @param {Sibling[]} siblings */
export const compareHref = (run, siblings) => `/compare?${[run, ...siblings.map((one) => one.run)].map((one) => `run=${one}`).join("&")}`;

/** @param {number} run */
export function createLinks(run) {
  byId("output").href = `/api/runs/${run}/output`;
  byId("notebook").href = `/api/runs/${run}/notebook`;
  byId("clone").href = `/launch?clone=${run}`;
  /** @param {Sibling[]} siblings */
  const show = (siblings) => {
    byId("compare").href = compareHref(run, siblings);
    setText(byId("compare-text"), siblings.length ? `Compare with ${counted(siblings.length, "other")} of its recipe` : "Compare");
  };
  show([]);
  return { show };
}

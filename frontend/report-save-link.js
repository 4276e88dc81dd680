/** "Save as report" on the Compare page: the runs that its address names are what a new report begins with. */

import { byId } from "./dom.js";

/** Where a report of the runs of an address begins. Pure. @param {string} search of the Compare page */
export function newReportAddress(search) {
  const runs = new URLSearchParams(search).getAll("run").map((run) => ["run", run]);
  return `/report?${new URLSearchParams([["own", "new"], ...runs])}`;
}

const link = byId("save-report");
// What is compared changes without a new page: the address is read when it is followed, whichever way.
for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, () => (link.href = newReportAddress(location.search)));

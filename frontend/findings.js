/** What rules found wrong with a run, or worth a note, each with its numbers and what to try. */

import { get } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId, createList, element, setText } from "./dom.js";

/** @typedef {{rule: string, title: string, severity: "sick"|"note", meaning: string, epoch: number, until: number, sentence: string, advice: string}} Finding */

const REFRESH_MS = 2_000;
const KINDS = { sick: "warn", note: "" };

/** The heading of a finding: its kind in words, as colour alone tells nobody. Pure. @param {Finding} finding */
export const heading = ({ severity, title }) => `${severity === "sick" ? "Sick" : "Note"}: ${title.toLowerCase()}`;

/** @param {number} run */
export function createFindings(run) {
  const list = createList(byId("findings"), (/** @type {Finding} */ { rule }) => rule, createFinding);
  const load = async () => {
    const { findings } = await get(`/api/runs/${run}/findings`);
    list(findings);
    byId("findings").hidden = !findings.length;
  };
  const loadSoon = createCoalescer(load, REFRESH_MS);
  /** @param {boolean} hasNumbers whether an epoch has ended: before, there is nothing to read */
  const follow = (hasNumbers) => hasNumbers && loadSoon();
  return { follow };
}

function createFinding() {
  const title = element("b");
  const sentence = element("span");
  const advice = element("span", { class: "advice" });
  const node = element("li", {}, title, sentence, advice);
  const update = (/** @type {Finding} */ finding) => {
    node.className = `note ${KINDS[finding.severity]}`.trim();
    node.dataset.rule = finding.rule;
    node.title = finding.meaning;
    setText(title, heading(finding));
    setText(sentence, finding.sentence);
    setText(advice, finding.advice);
  };
  return { node, update };
}

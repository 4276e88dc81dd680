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
  let hasNumbers = false;
  const show = (/** @type {Finding[]} */ findings) => {
    list(findings);
    byId("findings").hidden = !findings.length;
  };
  const load = async () => {
    const { findings } = await get(`/api/runs/${run}/findings`);
    show(hasNumbers ? findings : []); // a retry from the start may have come before the answer
  };
  const loadSoon = createCoalescer(load, REFRESH_MS);
  /** @param {boolean} has whether an epoch has ended: before, there is nothing to read; what was read is of an attempt set aside */
  const follow = (has) => {
    hasNumbers = has;
    if (has) loadSoon();
    else show([]);
  };
  return { follow };
}

function createFinding() {
  const title = element("b");
  const sentence = element("span");
  const meaning = element("span", { class: "meaning" });
  const advice = element("span", { class: "advice" });
  const node = element("li", {}, title, sentence, meaning, advice);
  const update = (/** @type {Finding} */ finding) => {
    node.className = `note ${KINDS[finding.severity]}`.trim();
    node.dataset.rule = finding.rule;
    setText(title, heading(finding));
    setText(sentence, finding.sentence);
    setText(meaning, finding.meaning);
    setText(advice, finding.advice);
  };
  return { node, update };
}

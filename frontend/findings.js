/** What rules found wrong with a run, or worth a note, each with its numbers and what to try. */

import { get } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";
import { inWords, PLANS } from "./launch-plan.js";
import { changeAddress } from "./links.js";

/** @typedef {{rule: string, title: string, severity: "sick"|"note", meaning: string, epoch: number, until: number, sentence: string, advice: string, change: Object<string, any>|null}} Finding change: fields of the spec */

const REFRESH_MS = 2_000;
const KINDS = { sick: "warn", note: "" };

/** The heading of a finding: its kind in words, as colour alone tells nobody. Pure. @param {{severity: "sick"|"note", title: string}} finding */
export const heading = ({ severity, title }) => `${severity === "sick" ? "Sick" : "Note"}: ${title.toLowerCase()}`;

/** "learning rate 0.001 and momentum 0.9". Pure. @param {Object<string, any>} change by path */
export function changeText(change) {
  const parts = Object.entries(change).map(([path, value]) => {
    const plan = PLANS.find((one) => one.path === path);
    const text = value === null ? "" : String(value);
    return plan ? `${plan.label.toLowerCase()} ${inWords(plan, text)}` : `${path} ${text || "none"}`;
  });
  return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts.join("");
}

/** @param {number} run */
export function createFindings(run) {
  const list = createList(byId("findings"), (/** @type {Finding} */ { rule }) => rule, () => createFinding(run));
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

/** @param {number} run */
function createFinding(run) {
  const title = element("b");
  const sentence = element("span");
  const meaning = element("span", { class: "meaning" });
  const advice = element("span", { class: "advice" });
  const clone = element("a", { class: "clone" });
  const node = element("li", {}, title, sentence, meaning, advice, clone);
  const update = (/** @type {Finding} */ finding) => {
    node.className = `note ${KINDS[finding.severity]}`.trim();
    node.dataset.rule = finding.rule;
    setText(title, heading(finding));
    setText(sentence, finding.sentence);
    setText(meaning, finding.meaning);
    setText(advice, finding.advice);
    clone.hidden = !finding.change;
    if (!finding.change) return;
    setAttribute(clone, "href", changeAddress(run, finding.change));
    setText(clone, `Clone with ${changeText(finding.change)}`);
  };
  return { node, update };
}

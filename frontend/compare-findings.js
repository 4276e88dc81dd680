/** What the rules find between the runs of a comparison: under the verdict, as what it says depends on it. */

import { byId, createList, element, setText } from "./dom.js";
import { heading } from "./findings.js";

/** @typedef {{rule: string, title: string, severity: "sick"|"note", meaning: string, runs: number[], sentence: string, advice: string}} Between */

/** @returns {(answer: {findings?: Between[]}) => void} */
export function createBetweenFindings() {
  const node = element("ul", { id: "between", class: "plain between", "aria-label": "Findings between these runs", hidden: true });
  byId("warnings").after(node);
  const list = createList(node, (/** @type {Between} */ { rule, runs }) => `${rule} ${runs}`, createBetween);
  return ({ findings = [] }) => {
    list(findings);
    node.hidden = !findings.length;
  };
}

function createBetween() {
  const title = element("b");
  const sentence = element("span");
  const rest = element("span", { class: "muted" });
  const node = element("li", {}, title, sentence, rest);
  const update = (/** @type {Between} */ finding) => {
    node.className = finding.severity === "sick" ? "note warn" : "note";
    node.dataset.rule = finding.rule;
    setText(title, heading(finding));
    setText(sentence, finding.sentence);
    setText(rest, `${finding.meaning} ${finding.advice}`);
  };
  return { node, update };
}

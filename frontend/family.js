/** Parent, children and siblings of a run, as lines with links. */

import { byId, createList, element, setAttribute, setText, stateLabel } from "./dom.js";
import { count } from "./format.js";

/** @typedef {import("./types.js").Relative} Relative */
/** @typedef {import("./types.js").Sibling} Sibling */
/** @typedef {import("./types.js").Run} Run */

/** How a run stands to its parent. Pure. @param {Run} run */
export function parentWords({ state, parent }) {
  if (!parent) return null;
  const lead = state === "waiting" ? "Waits for" : "Starts from";
  return { lead, remark: parent.changed ? "its checkpoint has changed since this run began" : "" };
}

export function createFamily() {
  const MOST = 6; // further ones stand on the page that compares them
  const lead = element("span");
  const parent = createRelative();
  const remark = element("span", { class: "warned" });
  const line = element("p", { id: "parent-line", hidden: true }, lead, " ", parent.node, " ", remark);
  const list = element("span", { class: "relatives" });
  const children = createList(list, (/** @type {Relative} */ { run }) => run, () => createRelative());
  const below = element("p", { id: "children-line", hidden: true }, element("span", { text: "Its weights are used by" }), " ", list);
  const others = element("span", { class: "relatives" });
  const siblings = createList(others, (/** @type {Sibling} */ { run }) => run, () => createRelative(siblingName));
  const more = element("span");
  const beside = element("p", { id: "siblings-line", hidden: true }, element("span", { text: "Same recipe:" }), " ", others, " ", more);
  byId("family").append(line, below, beside);

  return {
    /** @param {Run} run */
    showParent(run) {
      const words = parentWords(run);
      line.hidden = !words;
      if (!words || !run.parent) return;
      setText(lead, words.lead);
      setText(remark, words.remark);
      parent.update(run.parent);
    },
    /** @param {Relative[]} relatives */
    showChildren(relatives) {
      below.hidden = !relatives.length;
      children(relatives);
    },
    /** @param {Sibling[]} runs */
    showSiblings(runs) {
      beside.hidden = !runs.length;
      siblings(runs.slice(0, MOST));
      setText(more, runs.length > MOST ? `and ${count(runs.length - MOST)} more` : "");
    },
  };
}

const siblingName = (/** @type {any} */ { run, seed }) => `run ${run}, seed ${seed}`;

/** @param {(relative: any) => string} nameOf */
function createRelative(nameOf = ({ run, name }) => `run ${run}, ${name}`) {
  const state = stateLabel();
  const link = element("a");
  const node = element("span", { class: "relative" }, link, " ", state.node);
  const update = (/** @type {Relative} */ relative) => {
    setText(link, nameOf(relative));
    setAttribute(link, "href", `/runs/${relative.run}`);
    state.show(relative.state, relative.state);
  };
  return { node, update };
}

/** What the published report says of an experiment, what it leaves open, and what was chosen there and why: behind a line. */

import { createList, element, setText } from "./dom.js";

/** @typedef {import("./types.js").Faithful} Faithful */

/** "What the report says, and 9 things that it leaves open". Pure. @param {Faithful} faithful */
export const faithfulTitle = ({ open }) => `What the report says, and ${open.length === 1 ? "one thing" : `${open.length} things`} that it leaves open`;

export function createFaithful() {
  const title = element("summary");
  const says = element("ul", { class: "says" });
  const open = element("dl", { class: "left-open" });
  const node = element("details", { class: "faithful", hidden: true }, title, says, element("p", { text: "Left open, and chosen for the size as published:" }), open);
  const sentences = createList(says, (_, index) => index, () => {
    const line = element("li");
    return { node: line, update: (/** @type {string} */ text) => setText(line, text) };
  });
  const choices = createList(open, ({ what }) => what, createChoice);

  /** @param {Faithful|null} faithful null hides it */
  const update = (faithful) => {
    node.hidden = !faithful;
    if (!faithful) return;
    setText(title, faithfulTitle(faithful));
    sentences(faithful.says);
    choices(faithful.open);
  };
  return { node, update };
}

function createChoice() {
  const what = element("dt");
  const chose = element("dd");
  const why = element("dd", { class: "why" });
  const update = (/** @type {Faithful["open"][number]} */ choice) => {
    setText(what, upper(choice.what));
    setText(chose, `${upper(choice.chose)}.`);
    setText(why, choice.why);
  };
  return { node: element("div", {}, what, chose, why), update };
}

/** @param {string} text */
const upper = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

/** What several blocks of a report are made of. */

import { element, setAttribute, setText } from "./dom.js";

/** The heading of a block: its number, which is also its place in the address, and its title. */
export function blockHeading() {
  const number = element("span", { class: "section-number" });
  const title = element("span");
  const node = element("h3", {}, number, title);
  /** @param {{id?: string, title?: string}} block */
  const update = ({ id, title: text }) => {
    node.hidden = !text;
    setAttribute(node, "id", id ? `title-${id}` : null);
    setText(number, id ?? "");
    setText(title, text ?? "");
  };
  return { node, update };
}

/** A table that is wider than its card scrolls in it, by keyboard too. @param {any} table @param {string} name */
export const scrolling = (table, name) => {
  table.setAttribute("aria-label", name);
  return element("div", { class: "card" }, element("div", { class: "wide-scroll", tabindex: "0", role: "region", "aria-label": name }, table));
};

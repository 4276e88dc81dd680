/** The table of contents: every section, where each experiment stands, and which one is being read. */

import { createList, element, setAttribute, setText } from "./dom.js";

/** @typedef {{id: string, title: string, depth: number, state: string|null}} Entry */

/** The outline of a view. Pure. @param {import("./report-types.js").View} view @returns {Entry[]} */
export function outline({ sections }) {
  return sections.flatMap(({ id, title, blocks }) => [
    { id, title, depth: 0, state: null },
    ...blocks.flatMap((/** @type {any} */ block) =>
      block.id && block.title && block.id !== id
        ? [{ id: block.id, title: block.title, depth: 1, state: block.kind === "experiment" ? (block.run?.state ?? "missing") : null }]
        : [],
    ),
  ]);
}

/** @param {HTMLElement} list an ol */
export function createContents(list) {
  const entries = createList(list, (/** @type {Entry} */ { id }) => id, () => {
    const number = element("span", { class: "section-number" });
    const title = element("span", { class: "entry-title" });
    const dot = element("i", { class: "dot", "aria-hidden": "true" });
    const words = element("span", { class: "spoken" });
    const mark = element("span", { class: "state", hidden: true }, dot, words);
    const link = element("a", {}, number, title, mark);
    const node = element("li", {}, link);
    const update = (/** @type {Entry} */ entry) => {
      setAttribute(node, "data-depth", String(entry.depth));
      setAttribute(link, "href", `#${entry.id}`);
      setText(number, /\d/.test(entry.id) ? entry.id : "");
      setText(title, entry.title);
      setAttribute(mark, "data-state", entry.state);
      const state = entry.state === "missing" ? "not run yet" : entry.state;
      setAttribute(mark, "title", state);
      setText(words, state ? `, ${state}` : "");
      mark.hidden = entry.state === null;
    };
    return { node, update };
  });

  /** Mark the last section whose start has passed under the header. */
  const follow = () => {
    const links = [...list.querySelectorAll("a")];
    const passed = links.filter((link) => {
      const place = document.getElementById(link.hash.slice(1));
      return place && place.getBoundingClientRect().top < 140;
    });
    const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const here = end && scrollY > 0 ? links.at(-1) : (passed.at(-1) ?? links[0]);
    for (const link of links) setAttribute(link, "aria-current", link === here ? "location" : null);
  };
  let waiting = false;
  addEventListener(
    "scroll",
    () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        follow();
      });
    },
    { passive: true },
  );

  /** @param {import("./report-types.js").View} view */
  return (view) => {
    entries(outline(view));
    follow();
  };
}

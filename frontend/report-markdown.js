/** Notes in Markdown as nodes of the page: made one by one, so that no text of a person is ever read as markup. */

import { element } from "./dom.js";
import { blocksOf } from "./report-markdown-model.js";

/** @typedef {import("./report-markdown-model.js").Inline} Inline */
/** @typedef {import("./report-markdown-model.js").Block} Block */

/** @param {string} text @returns {Node[]} */
export const markdown = (text) => blocksOf(text).map(blockNode);

/** @param {Block} block @returns {Node} */
function blockNode(block) {
  switch (block.kind) {
    case "heading":
      // Below the title of the report: a note has no heading of the page.
      return element(`h${Math.min(6, block.level + 1)}`, {}, ...inline(block.parts));
    case "list":
      return element(block.ordered ? "ol" : "ul", {}, ...block.items.map((item) => element("li", {}, ...inline(item))));
    case "code":
      return element("pre", { tabindex: "0", role: "region", "aria-label": "Code" }, element("code", { text: block.text }));
    case "rule":
      return element("hr");
    case "quote":
      return element("blockquote", {}, ...inline(block.parts));
    default:
      return element("p", {}, ...inline(block.parts));
  }
}

/** @param {Inline[]} parts @returns {(Node|string)[]} */
const inline = (parts) => parts.map(partNode);

/** @param {Inline} part @returns {Node|string} */
function partNode(part) {
  if (part.kind === "text") return part.text;
  if (part.kind === "code") return element("code", { text: part.text });
  if (part.kind === "link") return element("a", { href: part.href, rel: "noreferrer noopener" }, ...inline(part.parts));
  return element(part.kind, {}, ...inline(part.parts));
}

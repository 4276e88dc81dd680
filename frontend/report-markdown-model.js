/** Notes in a small Markdown, read into a tree: headings, paragraphs, lists, quotes, code, emphasis, links. Pure: no DOM.
 *
 * All else is text. A link leads to http(s) only; HTML is text like any other, as nothing here is ever parsed as markup. */

/** @typedef {{kind: "text", text: string}|{kind: "code", text: string}|{kind: "strong"|"em", parts: Inline[]}|{kind: "link", href: string, parts: Inline[]}} Inline */
/** @typedef {{kind: "heading", level: number, parts: Inline[]}|{kind: "paragraph"|"quote", parts: Inline[]}|{kind: "code", text: string}|{kind: "rule"}
 *   |{kind: "list", ordered: boolean, items: Inline[][]}} Block */

const DEEPEST = 8; // emphasis within emphasis: beyond it marks are text

/** @param {string} text @returns {Block[]} */
export function blocksOf(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  /** @type {Block[]} */ const blocks = [];
  let at = 0;
  while (at < lines.length) {
    const [block, next] = blockAt(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const BULLET = /^\s*[-*+]\s+(.*)$/;
const NUMBERED = /^\s*\d{1,9}[.)]\s+(.*)$/;
const QUOTE = /^>\s?(.*)$/;
const FENCE = /^```/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;

/** @param {string[]} lines @param {number} at @returns {[Block|null, number]} the block that begins there, and where the next may */
function blockAt(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) {
    const end = lines.findIndex((one, index) => index > at && FENCE.test(one));
    const last = end < 0 ? lines.length : end; // a fence that is never closed goes to the end
    return [{ kind: "code", text: lines.slice(at + 1, last).join("\n") }, last + 1];
  }
  const heading = HEADING.exec(line);
  if (heading) return [{ kind: "heading", level: heading[1].length, parts: inlineOf(heading[2]) }, at + 1];
  if (RULE.test(line)) return [{ kind: "rule" }, at + 1];
  for (const [pattern, ordered] of /** @type {const} */ ([[BULLET, false], [NUMBERED, true]])) {
    if (pattern.test(line)) return listAt(lines, at, pattern, ordered);
  }
  if (QUOTE.test(line)) {
    const end = endOf(lines, at, (one) => QUOTE.test(one));
    return [{ kind: "quote", parts: inlineOf(lines.slice(at, end).map((one) => QUOTE.exec(one)?.[1] ?? "").join(" ")) }, end];
  }
  const end = endOf(lines, at, (one, index) => index === at || !begins(one));
  return [{ kind: "paragraph", parts: inlineOf(lines.slice(at, end).map((one) => one.trim()).join(" ")) }, end];
}

/** @param {string[]} lines @param {number} at @param {RegExp} pattern @param {boolean} ordered @returns {[Block, number]} */
function listAt(lines, at, pattern, ordered) {
  /** @type {string[]} */ const items = [];
  let end = at;
  for (; end < lines.length; end += 1) {
    const found = pattern.exec(lines[end]);
    if (found) items.push(found[1]);
    else if (/^\s+\S/.test(lines[end]) && items.length) items[items.length - 1] += ` ${lines[end].trim()}`; // goes on
    else break;
  }
  return [{ kind: "list", ordered, items: items.map((item) => inlineOf(item)) }, end];
}

/** @param {string} line */
const begins = (line) => !line.trim() || [HEADING, BULLET, NUMBERED, QUOTE, FENCE, RULE].some((pattern) => pattern.test(line));

/** @param {string[]} lines @param {number} at @param {(line: string, index: number) => boolean} belongs */
function endOf(lines, at, belongs) {
  let end = at;
  while (end < lines.length && belongs(lines[end], end)) end += 1;
  return end;
}

const MARKS = /`([^`]+)`|\*\*([^*]+(?:\*(?!\*)[^*]+)*)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|\b_([^_\s](?:[^_]*[^_\s])?)_\b|\[([^[\]]+)\]\(([^()\s]+)\)/;

/** @param {string} text @param {number} [depth] @returns {Inline[]} */
export function inlineOf(text, depth = 0) {
  /** @type {Inline[]} */ const parts = [];
  let rest = text;
  while (rest) {
    const found = depth < DEEPEST ? MARKS.exec(rest) : null;
    if (!found) return [...parts, { kind: "text", text: rest }];
    if (found.index) parts.push({ kind: "text", text: rest.slice(0, found.index) });
    parts.push(partOf(found, depth));
    rest = rest.slice(found.index + found[0].length);
  }
  return parts;
}

/** @param {RegExpExecArray} found @param {number} depth @returns {Inline} */
function partOf([whole, code, strong, star, underscore, label, href], depth) {
  if (code !== undefined) return { kind: "code", text: code };
  if (strong !== undefined) return { kind: "strong", parts: inlineOf(strong, depth + 1) };
  if (label === undefined) return { kind: "em", parts: inlineOf(star ?? underscore, depth + 1) };
  return isWeb(href) ? { kind: "link", href, parts: inlineOf(label, depth + 1) } : { kind: "text", text: whole };
}

/** Only addresses of the web: a note must not carry a script in one. @param {string} address */
export function isWeb(address) {
  if (!/^https?:\/\//i.test(address)) return false;
  try {
    return ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false; // no address at all
  }
}

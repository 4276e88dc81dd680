/** The log of a run: follows its end while the reader is there, and marks what is searched. */

import { get } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { createFollower } from "./follow-end.js";
import { counted, moment } from "./format.js";

const PAGE = 500;
const MOST_LINES = 5000; // more would make the page slow; the oldest go first

/** @param {number} run @param {() => number} now */
export function createLogPanel(run, now) {
  const box = byId("log");
  const follower = createFollower(box);
  /** @type {Map<number, {node: any, words: any, text: string}>} */ const lines = new Map();
  let newest = 0;
  /** All lines up to this one are here. */
  let whole = 0;
  let loading = false;
  let query = "";
  /** Whether the log was asked for, and whether no further line will come. */
  let asked = false;
  let over = false;
  const sayEmpty = () => setText(byId("log-empty"), !asked ? "Loading…" : over ? "It wrote no line." : "No line yet.");

  const mark = (/** @type {{node: any, words: any, text: string}} */ { node, words, text }) => {
    const at = query ? text.toLowerCase().indexOf(query) : -1;
    node.hidden = query !== "" && at < 0;
    if (at < 0) return setText(words, text);
    const end = at + query.length;
    words.replaceChildren(text.slice(0, at), element("mark", { text: text.slice(at, end) }), text.slice(end));
  };

  const add = (/** @type {import("./types.js").LogLine} */ { line, at, text }) => {
    if (lines.has(line)) return;
    const words = element("span");
    const time = element("time", { datetime: at, text: moment(at, now()) });
    const entry = { node: element("div", { "data-line": line }, time, words), words, text };
    mark(entry);
    lines.set(line, entry);
    // Live lines may overtake the page that is still loading.
    const after = line > newest ? null : [...box.children].find((node) => Number(node.dataset.line) > line);
    box.insertBefore(entry.node, after ?? null);
    newest = Math.max(newest, line);
  };

  const trim = () => {
    for (const line of [...lines.keys()].sort((a, b) => a - b).slice(0, Math.max(0, lines.size - MOST_LINES))) {
      lines.get(line)?.node.remove();
      lines.delete(line);
    }
  };

  const showFound = () => {
    const found = [...lines.values()].filter(({ node }) => !node.hidden).length;
    setText(byId("log-found"), query ? `${counted(found, "line")}` : "");
  };

  const append = (/** @type {import("./types.js").LogLine[]} */ batch) => {
    if (!batch.length) return;
    for (const { line } of batch) if (line === whole + 1) whole = line;
    byId("log-empty").hidden = true;
    batch.forEach(add);
    if (lines.size > MOST_LINES) trim();
    follower.follow();
    if (query) showFound();
  };

  /** Load what is missing: at first, and after a lost connection, for live lines are told once. */
  const load = async () => {
    if (loading) return;
    loading = true;
    try {
      for (let more = true; more; ) {
        const page = await get(`/api/runs/${run}/log?after=${whole}&limit=${PAGE}`);
        append(page.lines);
        whole = Math.max(whole, page.lines.at(-1)?.line ?? 0);
        more = page.more && page.lines.length > 0;
      }
      asked = true;
      sayEmpty();
    } finally {
      loading = false;
    }
  };

  byId("log-search").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") byId("log-search").blur(); // the one-key commands work again
  });
  byId("log-search").addEventListener("input", () => {
    query = byId("log-search").value.trim().toLowerCase();
    lines.forEach(mark);
    showFound();
    follower.look();
  });
  /** @param {boolean} isOver */
  const setOver = (isOver) => {
    over = isOver;
    sayEmpty();
  };
  return { setOver, wholeUntil: () => whole, append, load };
}

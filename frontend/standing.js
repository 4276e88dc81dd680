/** The right side of the header and the banner on workers: what the whole service is doing. */

import { get, serverNow } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { clock, counted, roughly } from "./format.js";

const POLL_MS = 10_000;

/** "2 running · 3 queued", or "idle". @param {Object<string, number>} counts */
export function countsText(counts) {
  const running = (counts.running ?? 0) + (counts.cancelling ?? 0);
  const queued = (counts.queued ?? 0) + (counts.waiting ?? 0);
  const parts = [running && `${running} running`, queued && `${queued} queued`].filter(Boolean);
  return parts.join(" · ") || "idle";
}

/** The warning where nobody would take a run, else null.
 *  @param {import("./types.js").Worker[]} workers @param {number} queued @param {number} now */
export function workerWarning(workers, queued, now) {
  if (workers.some((worker) => worker.state !== "lost")) return null;
  const seen = Math.max(...workers.map((worker) => Date.parse(worker.last_seen ?? "")).filter(Number.isFinite));
  const since = Number.isFinite(seen)
    ? `No worker has been seen for ${roughly((now - seen) / 1000)}`
    : "No worker has been seen yet";
  const waits = queued ? `${counted(queued, "queued run")} ${queued === 1 ? "waits" : "wait"}` : "a run that you launch will wait";
  return `${since}: ${waits}. Start one with `;
}

/** @param {{state: "live"|"lost", since: number}} link */
export function showLink({ state, since }) {
  const node = byId("link");
  node.dataset.link = state;
  setText(node.lastElementChild, state === "live" ? "live" : `connection lost since ${clock(since)}, trying again`);
}

/** Ask for the status now, at each `refresh`, and every ten seconds while the tab is seen. */
export function watchStatus() {
  const warning = element("p", { class: "note warn", id: "worker-warning", hidden: true });
  const words = element("span");
  warning.append(element("span", {}, words, element("code", { text: "runyard up" })));
  byId("notices").append(warning);
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;

  const load = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const status = await get("/api/status");
      setText(byId("counts"), countsText(status.counts));
      const queued = (status.counts.queued ?? 0) + (status.counts.waiting ?? 0);
      const text = workerWarning(status.workers, queued, serverNow());
      warning.hidden = text === null;
      if (text) setText(words, text);
    } catch {
      // The lost connection is told beside the counts; a stale count is no second message.
    }
    clearTimeout(timer);
    timer = setTimeout(load, POLL_MS);
  };

  document.addEventListener("visibilitychange", load);
  void load();
  return {
    /** Soon, and once for a burst of events. */
    refresh() {
      clearTimeout(timer);
      timer = setTimeout(load, 250);
    },
  };
}

/** Show one sentence under the title until it is put away.
 *  @param {"good"|"bad"} tone @param {...(Node|string)} content */
export function notice(tone, ...content) {
  for (const old of document.querySelectorAll("#notices [data-notice]")) old.remove();
  const node = element("div", { class: `note ${tone}`, "data-notice": tone }, element("span", {}, ...content));
  node.append(element("button", { class: "quiet", type: "button", text: "Dismiss", onclick: () => node.remove() }));
  byId("notices").append(node);
}

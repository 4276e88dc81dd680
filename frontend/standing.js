/** The right side of the header and the banner on workers: what the whole service is doing. */

import { get, serverNow } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { counted, dayClock, roughly } from "./format.js";
import { addLogOut } from "./logout.js";

const POLL_MS = 10_000;

/** "2 running · 3 queued", or "idle". @param {Object<string, number>} counts */
export function countsText(counts) {
  const running = (counts.running ?? 0) + (counts.cancelling ?? 0);
  const queued = (counts.queued ?? 0) + (counts.waiting ?? 0);
  const parts = [running && `${running} running`, queued && `${queued} queued`].filter(Boolean);
  return parts.join(" · ") || "idle";
}

/** What keeps runs from starting, in words, and where that is mended; null where nothing does.
 *  @param {{counts: Object<string, number>, paused_at: string|null, workers: import("./types.js").Worker[]}} status @param {number} now
 *  @returns {{text: string, remedy: "resume"|"start"|"undrain"}|null} */
export function workerWarning({ counts, paused_at: pausedAt, workers }, now) {
  const number = (counts.queued ?? 0) + (counts.waiting ?? 0);
  const waits = number ? `${counted(number, "queued run")} ${number === 1 ? "waits" : "wait"}` : "a run that you launch will wait";
  if (pausedAt) return { text: `The queue is paused since ${dayClock(Date.parse(pausedAt), now)}: ${waits}.`, remedy: "resume" };
  if (workers.some((worker) => worker.takes_runs)) return null;
  const present = workers.filter(({ state }) => state !== "lost");
  if (present.every(({ state }) => state === "stale")) return { text: `${unseenText(workers, now)}: ${waits}.`, remedy: "start" };
  const all = present.some(({ state }) => state === "stale") ? "No worker takes runs, as all are drained, leaving or stale" : "All workers are drained or leaving";
  return { text: `${all}: ${waits}.`, remedy: "undrain" };
}

/** @param {{last_seen: string|null}[]} workers none of them heard of @param {number} now */
export function unseenText(workers, now) {
  const seen = Math.max(...workers.map((worker) => Date.parse(worker.last_seen ?? "")).filter(Number.isFinite));
  return Number.isFinite(seen) ? `No worker has been seen for ${roughly((now - seen) / 1000)}` : "No worker has been seen yet";
}

/** What stands behind a warning: the command that starts a worker, or the page where queue and workers are changed.
 *  @param {"resume"|"start"|"undrain"} remedy @returns {(Node|string)[]} */
function remedyOf(remedy) {
  if (remedy === "start") return [" Start one with ", element("code", { text: "runyard up" })];
  return [" ", element("a", { href: "/workers", text: remedy === "resume" ? "Resume it" : "Show the workers" })];
}

/** @param {{state: "live"|"lost", since: number}} link */
export function showLink({ state, since }) {
  const node = byId("link");
  node.dataset.link = state;
  setText(node.lastElementChild, state === "live" ? "live" : `connection lost since ${dayClock(since, Date.now())}, trying again`);
}

/** Ask for the status now, at each `refresh`, and every ten seconds while the tab is seen.
 *  @param {{warns?: boolean, onStale?: (stale: Map<number, import("./types.js").Stale>) => void}} [options] warns: whether to say
 *    what keeps runs from starting; a page that shows it does not. onStale: told of the runs that are not heard of: no event tells that */
export function watchStatus({ warns = true, onStale = () => {} } = {}) {
  addLogOut((message) => notice("bad", message));
  const warning = element("p", { class: "note warn", id: "worker-warning", hidden: true });
  const words = element("span");
  const remedy = element("span");
  warning.append(element("span", {}, words, remedy));
  // Its text moves with every look at the status: only another kind of it is spoken.
  const spoken = element("p", { class: "spoken", role: "status" });
  byId("notices").before(spoken, warning);
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;

  const load = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const status = await get("/api/status");
      setText(byId("counts"), countsText(status.counts));
      onStale(new Map(status.stale.map((/** @type {any} */ { run, ...stale }) => [run, stale])));
      const found = warns ? workerWarning(status, serverNow()) : null;
      const kind = found?.remedy ?? "";
      warning.hidden = found === null;
      if (found) setText(words, found.text);
      if (remedy.dataset.remedy !== kind) {
        remedy.replaceChildren(...(found ? remedyOf(found.remedy) : []));
        setText(spoken, found ? (warning.textContent ?? "") : "");
      }
      remedy.dataset.remedy = kind;
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
 *  @param {"good"|"bad"} tone @param {...(Node|string)} content @returns {HTMLElement} what can be taken away again */
export function notice(tone, ...content) {
  for (const old of document.querySelectorAll("#notices [data-notice]")) old.remove();
  const node = element("div", { class: `note ${tone}`, "data-notice": tone }, element("span", {}, ...content));
  node.append(element("button", { class: "quiet", type: "button", text: "Dismiss", onclick: () => node.remove() }));
  byId("notices").append(node);
  return node;
}

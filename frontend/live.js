/** What happens on the server, for a visible tab: nothing is missed, and a loss is told.
 *
 *  A tab holds one stream of Server-Sent Events where it gets a slot (live-slots.js), else it asks every two seconds. The
 *  cursor is the id of the last stored event seen; whatever is opened next goes on after it.
 */

import { get } from "./api.js";
import { takeSlot } from "./live-slots.js";

/** @typedef {import("./types.js").LiveEvent} LiveEvent */

const KINDS = /** @type {const} */ (["state", "epoch", "rewind", "findings", "progress", "log"]);
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;
const POLL_MS = 2000;

/** The place of an event in the stream: the n of "<store>-<n>". @param {string|null|undefined} cursor */
export function position(cursor) {
  const found = /-(\d+)$/.exec(cursor ?? "");
  return found ? Number(found[1]) : null;
}

/** Which store tells it: what stands before the place. @param {string} cursor */
export const storeOf = (cursor) => cursor.slice(0, cursor.lastIndexOf("-"));

/** @param {{run?: number, logAfter?: () => number, onEvent: (event: LiveEvent) => void, onReset: () => void,
 *    onLink: (link: {state: "live"|"lost", since: number}) => void}} options
 *  onReset must load everything again and call `start` with the new cursor */
export function createLive({ run, logAfter, onEvent, onReset, onLink }) {
  /** @type {EventSource|null} */ let source = null;
  /** @type {(() => void)|null} */ let release = null;
  /** @type {string|null} */ let cursor = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;
  let retryMs = FIRST_RETRY_MS;
  /** @type {number|null} */ let lostSince = null;
  /** Counts what was opened: an answer to an earlier opening is dropped. */
  let opening = 0;
  let isPolling = false;

  const close = () => {
    opening += 1;
    clearTimeout(timer);
    source?.close();
    source = null;
    release?.();
    release = null;
  };

  const query = () => {
    const asked = new URLSearchParams({ after: cursor ?? "", ...(run === undefined ? {} : { run: String(run) }) });
    if (logAfter) asked.set("log_after", String(logAfter())); // lines that are here need not come again
    return asked;
  };

  const open = async () => {
    close();
    if (cursor === null || document.hidden) return;
    const mine = opening;
    const slot = await takeSlot();
    if (mine !== opening) return void slot?.();
    release = slot;
    if (!slot) return void poll(mine);
    isPolling = false;
    stream();
  };

  const isLive = () => {
    retryMs = FIRST_RETRY_MS;
    lostSince = null;
    onLink({ state: "live", since: Date.now() });
  };

  const isLost = () => {
    lostSince ??= Date.now();
    onLink({ state: "lost", since: lostSince });
  };

  const stream = () => {
    const opened = new EventSource(`/api/events?${query()}`);
    source = opened;
    opened.onopen = isLive;
    opened.onerror = () => {
      if (source !== opened) return;
      isLost();
      if (opened.readyState === EventSource.CLOSED) refused();
    };
    for (const kind of KINDS) opened.addEventListener(kind, (event) => receive(kind, JSON.parse(event.data), event.lastEventId));
    opened.addEventListener("reset", startOver);
  };

  /** Ask what is new; then look for a slot again, as another tab may have gone. @param {number} mine */
  const poll = async (mine) => {
    try {
      const told = await get(`/api/events/since?${query()}`);
      if (mine !== opening) return;
      if (!isPolling || lostSince !== null) isLive(); // each answer after the first is no news
      isPolling = true;
      for (const { kind, data, id } of told.events) {
        if (kind === "reset") return startOver();
        receive(kind, data, id);
      }
      cursor = told.cursor;
      timer = setTimeout(open, POLL_MS);
    } catch {
      if (mine !== opening) return;
      isLost();
      openLater();
    }
  };

  const startOver = () => {
    close(); // a plain reconnect would send the dead cursor again
    cursor = null;
    onReset();
  };

  /** An EventSource does not say why it was refused; where the login has ended, this request leads to a new one. */
  const refused = () => {
    openLater();
    get("/api/status").catch(() => {}); // all else is told by the lost connection
  };

  /** Half of the wait is by chance: a hundred tabs must not return in the same moment. */
  const openLater = () => {
    close();
    timer = setTimeout(open, retryMs * (0.5 + Math.random() / 2));
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  };

  /** @param {LiveEvent["kind"]} kind @param {any} data @param {string|null} id */
  const receive = (kind, data, id) => {
    const stored = kind !== "progress" && kind !== "log";
    if (stored && id) cursor = id;
    onEvent({ kind, data, position: stored ? position(id) : null });
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : void open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && void open());
  addEventListener("online", () => lostSince !== null && void open());

  return {
    /** @param {string} after the cursor that came with the data on the page */
    start(after) {
      cursor = after;
      void open();
    },
  };
}

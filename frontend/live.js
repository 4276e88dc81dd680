/** One stream of Server-Sent Events for a visible tab: nothing is missed, and a loss is told.
 *
 *  The cursor is the id of the last stored event seen. EventSource repeats it by itself when it
 *  reconnects; a source that gave up, or was closed with its tab, is opened again after the cursor.
 */

/** @typedef {import("./types.js").LiveEvent} LiveEvent */

const KINDS = /** @type {const} */ (["state", "epoch", "rewind", "progress", "log"]);
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;

/** The place of an event in the stream: the n of "<store>-<n>". @param {string|null|undefined} cursor */
export function position(cursor) {
  const found = /-(\d+)$/.exec(cursor ?? "");
  return found ? Number(found[1]) : null;
}

/** @param {{run?: number, logAfter?: () => number, onEvent: (event: LiveEvent) => void, onReset: () => void,
 *    onLink: (link: {state: "live"|"lost", since: number}) => void}} options
 *  onReset must load everything again and call `start` with the new cursor */
export function createLive({ run, logAfter, onEvent, onReset, onLink }) {
  /** @type {EventSource|null} */ let source = null;
  /** @type {string|null} */ let cursor = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;
  let retryMs = FIRST_RETRY_MS;
  /** @type {number|null} */ let lostSince = null;

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };

  const open = () => {
    close();
    if (cursor === null || document.hidden) return;
    const query = new URLSearchParams({ after: cursor, ...(run === undefined ? {} : { run: String(run) }) });
    if (logAfter) query.set("log_after", String(logAfter())); // lines that are here need not come again
    const opened = new EventSource(`/api/events?${query}`);
    source = opened;
    opened.onopen = () => {
      retryMs = FIRST_RETRY_MS;
      lostSince = null;
      onLink({ state: "live", since: Date.now() });
    };
    opened.onerror = () => {
      if (source !== opened) return;
      lostSince ??= Date.now();
      onLink({ state: "lost", since: lostSince });
      if (opened.readyState === EventSource.CLOSED) openLater();
    };
    for (const kind of KINDS) opened.addEventListener(kind, (event) => receive(kind, event));
    opened.addEventListener("reset", () => {
      close(); // a plain reconnect would send the dead cursor again
      cursor = null;
      onReset();
    });
  };

  /** Half of the wait is by chance: a hundred tabs must not return in the same moment. */
  const openLater = () => {
    close();
    timer = setTimeout(open, retryMs * (0.5 + Math.random() / 2));
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  };

  /** @param {LiveEvent["kind"]} kind @param {MessageEvent} event */
  const receive = (kind, event) => {
    const stored = kind !== "progress" && kind !== "log";
    if (stored && event.lastEventId) cursor = event.lastEventId;
    onEvent({ kind, data: JSON.parse(event.data), position: stored ? position(event.lastEventId) : null });
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  addEventListener("online", () => lostSince !== null && open());

  return {
    /** @param {string} after the cursor that came with the data on the page */
    start(after) {
      cursor = after;
      open();
    },
  };
}

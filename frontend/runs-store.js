/** The runs that the page knows, by id, kept true by pages from the API and events from the stream. */

import { applyEvent, isOfWorker } from "./runs-model.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").LiveEvent} LiveEvent */

/** @param {(ids: Set<number>) => void} onChange told once a frame, with the ids that changed */
export function createRunsStore(onChange) {
  /** @type {Map<number, Run>} */ const runs = new Map();
  /** Last stored event applied to each run. @type {Map<number, number>} */ const applied = new Map();
  /** @type {Set<number>} */ let changed = new Set();
  /** Position of the newest answer that each run was in. @type {Map<number, number>} */ const toldAt = new Map();
  /** Which runs are not heard of. @type {Map<number, import("./types.js").Stale>} */ let stale = new Map();
  let scheduled = false;

  const tell = (/** @type {number} */ id) => {
    changed.add(id);
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      const ids = changed;
      changed = new Set();
      onChange(ids);
    });
  };

  /** Take runs as the API sent them at `at`; not those of which a later event is known already.
   *  @param {Run[]} page @param {number|null} at position of the answer's cursor */
  const merge = (page, at) => {
    for (const run of page) {
      if (at !== null) toldAt.set(run.id, Math.max(at, toldAt.get(run.id) ?? 0));
      if (at !== null && (applied.get(run.id) ?? -1) > at) continue;
      // Progress is not stored: an answer without it must not empty a bar that the stream filled.
      const progress = run.progress ?? (run.state === "running" ? (runs.get(run.id)?.progress ?? null) : null);
      runs.set(run.id, { ...run, progress, stale: stale.get(run.id) ?? null });
      tell(run.id);
    }
  };

  /** Note which runs are not heard of; all others are. @param {Map<number, import("./types.js").Stale>} found */
  const setStale = (found) => {
    stale = new Map(found);
    for (const run of runs.values()) {
      const now = stale.get(run.id) ?? null;
      if (Boolean(now) === Boolean(run.stale)) continue;
      runs.set(run.id, { ...run, stale: now });
      tell(run.id);
    }
  };

  /** @param {LiveEvent} event @returns {boolean} false where the run is not known here */
  const apply = (event) => {
    const run = runs.get(event.data.run);
    if (!run) return false;
    if (event.position !== null) applied.set(run.id, event.position);
    if (isOfWorker(event)) stale.delete(run.id); // what is told of, is heard of
    runs.set(run.id, applyEvent(run, event));
    tell(run.id);
    return true;
  };

  /** Forget runs that a newer answer should hold and does not: they were deleted. @param {Run[]} page the newest runs
   *  @param {boolean} isAll whether no older ones follow @param {number|null} at position of the answer's cursor */
  const dropMissing = (page, isAll, at) => {
    const there = new Set(page.map(({ id }) => id));
    const lowest = isAll ? 0 : Math.min(...there);
    for (const id of runs.keys()) {
      const isOlder = Math.max(toldAt.get(id) ?? 0, applied.get(id) ?? 0) < (at ?? 0);
      if (there.has(id) || id < lowest || !isOlder) continue;
      runs.delete(id);
      tell(id);
    }
  };

  const clear = () => {
    for (const id of runs.keys()) tell(id);
    runs.clear();
    newStream();
  };

  /** Forget positions: they count in a stream that is no more. */
  const newStream = () => {
    applied.clear();
    toldAt.clear();
  };

  return { runs, merge, apply, setStale, dropMissing, clear, newStream };
}

/** The Runs page by runs: loads pages of them, follows their events. */

import { get, serverNow } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId } from "./dom.js";
import { position, storeOf } from "./live.js";
import { isFound } from "./runs-marks-model.js";
import { inFilter, keyOf, matches, NEWEST, queryOf } from "./runs-model.js";
import { createPaging } from "./runs-paging.js";
import { createRunsStore } from "./runs-store.js";
import { createRunsTable } from "./runs-table.js";
import { changesWithTime } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */

const PAGE = 100;
const REFRESH_MS = 300;

/** @param {import("./runs-recipes.js").Context} context */
export function createRunsView({ choice, selection, onPage, onRendered, onChanged, onError }) {
  const store = createRunsStore(render);
  const paging = createPaging();
  const table = createRunsTable(byId("rows"), { now: serverNow, selection, onChanged, onError });
  let loaded = false;
  /** Which store the rows are of. */
  let storeId = "";

  const key = () => keyOf(choice);
  /** Before a search is answered, the loaded rows are searched. */
  const lowest = () => paging.lowest(paging.isLoaded(key()) ? key() : keyOf(NEWEST));

  /** A run is shown where what is chosen has been loaded without a hole down to it. @param {Run} run */
  const isShown = (run) => inFilter(run, choice.filter) && matches(run, choice.text) && isFound(run, choice.finding) && run.id >= lowest();

  /** @param {Set<number>} ids */
  function render(ids) {
    for (const id of ids) {
      const run = store.runs.get(id);
      if (run) table.show(run, isShown(run));
      else table.remove(id);
    }
    onRendered();
  }

  const renderAll = () => render(new Set(store.runs.keys()));

  /** Old rows must not stay beside those of another store. @param {string} cursor */
  const belong = (cursor) => {
    if (storeId && storeId !== storeOf(cursor)) {
      store.clear();
      paging.clear();
    }
    storeId = storeOf(cursor);
  };

  /** Load the newest of what is chosen, or what follows `before`. @param {import("./runs-model.js").Choice} wanted @param {number} [before] */
  const loadPage = async (wanted, before) => {
    const asked = keyOf(wanted); // it may be another by the time of the answer
    const page = await get(`/api/runs?${queryOf(wanted, PAGE, before)}`);
    belong(page.cursor);
    paging.note(asked, before, page.next, Math.max(0, ...store.runs.keys()));
    store.merge(page.runs, position(page.cursor));
    if (asked === keyOf(NEWEST) && before === undefined) store.dropMissing(page.runs, page.next === null, position(page.cursor));
    onPage(page);
    return page;
  };

  return {
    node: byId("by-runs"),
    renderAll,
    isLoaded: () => loaded,
    /** Ask for the newest page once after a burst: new runs, and how many are ahead of each queued one. */
    refreshSoon: createCoalescer(async () => {
      await loadPage(NEWEST);
      onRendered();
    }, REFRESH_MS),
    /** At the start, and where the stream begins anew. */
    async load() {
      const page = await loadPage(NEWEST);
      loaded = true;
      if (key() !== keyOf(NEWEST)) await loadPage(choice);
      renderAll();
      return page;
    },
    /** What was chosen changed. */
    async choose() {
      renderAll();
      if (!paging.isLoaded(key())) await loadPage(choice);
      renderAll();
    },
    async older() {
      await loadPage(choice, paging.start(key()) ?? undefined);
      renderAll();
    },
    hasOlder: () => paging.start(key()) !== null,
    belong,
    /** The events between two streams are missed: it is loaded anew before it is shown again. */
    newStream() {
      store.newStream();
      loaded = false;
    },
    onEvent: store.apply,
    /** @param {Run} run */
    take: (run) => store.merge([run], null),
    setStale: store.setStale,
    tick() {
      for (const run of store.runs.values()) if (changesWithTime(run)) table.tick(run);
    },
    sizes: () => ({ known: store.runs.size, shown: [...store.runs.values()].filter(isShown).length, held: 0 }),
    chosen: () => selection.ids.size,
    isKnown: (/** @type {number} */ id) => store.runs.has(id),
    find: (/** @type {number} */ id) => store.runs.get(id),
  };
}

/** The Runs page by runs: loads pages of them, follows their events. */

import { get, serverNow } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId } from "./dom.js";
import { position } from "./live.js";
import { FILTERS, inFilter, matches } from "./runs-model.js";
import { createPaging } from "./runs-paging.js";
import { createRunsStore } from "./runs-store.js";
import { createRunsTable } from "./runs-table.js";

/** @typedef {import("./types.js").Run} Run */

const PAGE = 100;
const REFRESH_MS = 300;

/** @param {import("./runs-recipes.js").Context} context */
export function createRunsView({ choice, selection, onPage, onRendered, onChanged, onError }) {
  const store = createRunsStore(render);
  const paging = createPaging();
  const table = createRunsTable(byId("rows"), { now: serverNow, selection, onChanged, onError });
  let loaded = false;

  /** A run is shown where its filter has been loaded without a hole down to it. @param {Run} run */
  const isShown = (run) => inFilter(run, choice.filter) && matches(run, choice.text) && run.id >= paging.lowest(choice.filter);

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

  /** Load the newest of a filter, or what follows `before`. @param {string} filter @param {number} [before] */
  const loadPage = async (filter, before) => {
    const query = new URLSearchParams({ limit: String(PAGE) });
    const ask = FILTERS.find(({ name }) => name === filter)?.ask;
    if (ask) query.set("state", ask);
    if (before !== undefined) query.set("before", String(before));
    const page = await get(`/api/runs?${query}`);
    paging.note(filter, before, page.next, Math.max(0, ...store.runs.keys()));
    store.merge(page.runs, position(page.cursor));
    onPage(page);
    return page;
  };

  return {
    node: byId("by-runs"),
    renderAll,
    isLoaded: () => loaded,
    /** Ask for the newest page once after a burst: new runs, and how many are ahead of each queued one. */
    refreshSoon: createCoalescer(async () => {
      await loadPage("all");
      onRendered();
    }, REFRESH_MS),
    /** At the start, and where the stream begins anew. */
    async load() {
      const page = await loadPage("all");
      const gone = [...store.runs.keys()].some((id) => !page.runs.some((/** @type {Run} */ run) => run.id === id));
      if (loaded && gone) {
        store.clear(); // another store answers: old rows must not stay beside new ones
        paging.clear();
        paging.note("all", undefined, page.next, 0);
        store.merge(page.runs, position(page.cursor));
      }
      loaded = true;
      if (choice.filter !== "all") await loadPage(choice.filter);
      renderAll();
      return page;
    },
    /** What was chosen changed. */
    async choose() {
      renderAll();
      if (!paging.isLoaded(choice.filter)) await loadPage(choice.filter);
      renderAll();
    },
    async older() {
      await loadPage(choice.filter, paging.start(choice.filter) ?? undefined);
      renderAll();
    },
    hasOlder: () => paging.start(choice.filter) !== null,
    newStream: () => store.newStream(),
    /** @param {import("./types.js").LiveEvent} event */
    onEvent(event) {
      store.apply(event);
      if (event.kind === "state") this.refreshSoon();
    },
    /** @param {Run} run */
    take: (run) => store.merge([run], null),
    tick() {
      for (const run of store.runs.values()) if (run.state === "running" || run.state === "cancelling") table.tick(run);
    },
    sizes: () => ({ known: store.runs.size, shown: [...store.runs.values()].filter(isShown).length, held: 0 }),
    chosen: () => selection.ids.size,
    isKnown: (/** @type {number} */ id) => store.runs.has(id),
  };
}

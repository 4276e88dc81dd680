/** The Runs page by recipes: loads pages of them, follows the events of their runs, keeps every row in its place. */

import { get, serverNow } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId } from "./dom.js";
import { position, storeOf } from "./live.js";
import { isFound } from "./runs-marks-model.js";
import { keyOf, NEWEST, queryOf } from "./runs-model.js";
import { createPaging } from "./runs-paging.js";
import { createRecipeBody } from "./runs-recipe-rows.js";
import { recipeInFilter, recipeMatches } from "./runs-recipes-model.js";
import { createRunsStore } from "./runs-store.js";
import { changesWithTime } from "./run-states.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./runs-recipes-model.js").Recipe} Recipe */
/** @typedef {import("./runs-recipes-model.js").Shown} Shown */
/** @typedef {{choice: import("./runs-model.js").Choice & {open: Set<string>}, selection: ReturnType<import("./runs-selection.js").createSelection>,
 *    onPage: (page: any) => void, onRendered: () => void, onOpen: (recipe: string, open: boolean) => void,
 *    onChanged: (run: Run) => void, onError: (message: string) => void}} Context what the page shares with its views */

const PAGE = 50;
/** Of recipes that are not on the newest page. */
const MOST_ASKED = 50;
const REFRESH_MS = 300;

/** @param {Context} context */
export function createRecipesView({ choice, selection, onPage, onRendered, onOpen, onChanged, onError }) {
  const table = byId("by-recipes");
  const options = { now: serverNow, selection, onOpen, onChanged, onError };
  /** What the API said of each, and its runs; `place` is where its row stands, and stays.
   *  @type {Map<string, {about: Recipe, ids: number[], place: number}>} */
  const recipes = new Map();
  /** @type {Map<string, ReturnType<typeof createRecipeBody>>} */ const bodies = new Map();
  /** Recipes whose numbers may be others since a run of theirs moved. @type {Set<string>} */ const dirty = new Set();
  const store = createRunsStore(renderRuns);
  const paging = createPaging();
  let loaded = false;
  /** Which store the rows are of. */
  let storeId = "";

  const key = () => keyOf(choice);
  /** Before a search is answered, the loaded rows are searched. */
  const lowest = () => paging.lowest(paging.isLoaded(key()) ? key() : keyOf(NEWEST));

  /** @param {string} recipe @returns {Shown|null} */
  const shownOf = (recipe) => {
    const known = recipes.get(recipe);
    const runs = (known?.ids ?? []).flatMap((id) => store.runs.get(id) ?? []);
    return known && runs.length ? { recipe: known.about, runs } : null;
  };

  /** @param {Shown} shown */
  const isShown = (shown) =>
    recipeInFilter(shown, choice.filter) && recipeMatches(shown, choice.text) && shown.runs.some((run) => isFound(run, choice.finding)) && (recipes.get(shown.recipe.recipe)?.place ?? 0) >= lowest();

  /** A new row waits while the pointer is over the table: no row may move away under it. A finger hovers nowhere. */
  const isHeld = () => bodies.size > 0 && matchMedia("(hover: hover)").matches && table.matches(":hover");

  /** @param {string} recipe */
  const render = (recipe) => {
    const shown = shownOf(recipe);
    let body = bodies.get(recipe);
    if (!shown) {
      body?.node.remove();
      bodies.delete(recipe);
      return;
    }
    if (!body) {
      const place = recipes.get(recipe)?.place ?? 0;
      if (isHeld() && place > newestPlace()) return;
      body = createRecipeBody(shown, options);
      bodies.set(recipe, body);
      table.insertBefore(body.node, firstOlder(place));
    }
    body.update(shown, choice.open.has(recipe));
    body.node.hidden = !isShown(shown);
  };

  const newestPlace = () => Math.max(0, ...[...bodies.keys()].map((recipe) => recipes.get(recipe)?.place ?? 0));

  /** @param {number} place */
  const firstOlder = (place) => [...table.tBodies].find((body) => (recipes.get(body.dataset.recipe ?? "")?.place ?? 0) < place) ?? null;

  /** @param {Set<number>} ids */
  function renderRuns(ids) {
    const touched = new Set([...ids].flatMap((id) => store.runs.get(id)?.recipe ?? []));
    for (const recipe of touched) render(recipe);
    onRendered();
  }

  const renderAll = () => {
    for (const recipe of recipes.keys()) render(recipe);
    onRendered();
  };

  /** @param {any} page an answer of the API */
  const merge = (page) => {
    for (const { runs, ...about } of page.recipes) {
      const ids = runs.map((/** @type {Run} */ run) => run.id);
      recipes.set(about.recipe, { about, ids, place: recipes.get(about.recipe)?.place ?? ids[0] });
      store.merge(runs, position(page.cursor));
    }
    for (const { recipe } of page.recipes) render(recipe); // also where only numbers of the recipe changed
  };

  /** Load the newest of what is chosen, or what follows `before`. @param {import("./runs-model.js").Choice} wanted @param {number} [before] */
  const loadPage = async (wanted, before) => {
    const asked = keyOf(wanted); // it may be another by the time of the answer
    const page = await get(`/api/recipes?${queryOf(wanted, PAGE, before)}`);
    belong(page.cursor);
    paging.note(asked, before, page.next, Math.max(0, ...[...recipes.values()].map(({ place }) => place)));
    merge(page);
    onPage(page);
    return page;
  };

  /** Known recipes that the newest page should hold and does not: runs of theirs were deleted. @param {any} page */
  const missing = (page) => {
    const lowest = page.next ?? 0;
    const there = new Set(page.recipes.map((/** @type {Recipe} */ { recipe }) => recipe));
    return [...recipes].filter(([recipe, { ids }]) => !there.has(recipe) && ids[0] >= lowest).map(([recipe]) => recipe);
  };

  /** Load these anew; those of which nothing comes are no more. @param {string[]} asked */
  const loadThese = async (asked) => {
    const page = await get(`/api/recipes?${new URLSearchParams([["limit", "100"], ...asked.map((recipe) => ["recipe", recipe])])}`);
    merge(page);
    for (const recipe of asked.filter((one) => !page.recipes.some((/** @type {Recipe} */ { recipe }) => recipe === one))) {
      recipes.delete(recipe);
      render(recipe);
    }
  };

  /** What moved, and the newest: once for a burst. */
  const refreshSoon = createCoalescer(async () => {
    const moved = [...dirty]; // what moves from now on is asked for the next time
    dirty.clear();
    try {
      const page = await loadPage(NEWEST);
      const there = new Set(page.recipes.map((/** @type {Recipe} */ { recipe }) => recipe));
      const others = [...new Set([...moved, ...missing(page)])].filter((recipe) => !there.has(recipe));
      for (const recipe of others.slice(MOST_ASKED)) dirty.add(recipe);
      if (others.length) await loadThese(others.slice(0, MOST_ASKED));
    } catch (problem) {
      for (const recipe of moved) dirty.add(recipe);
      throw problem;
    }
    onRendered();
  }, REFRESH_MS);

  /** At the start, and where the stream begins anew. */
  const load = async () => {
    const page = await loadPage(NEWEST);
    loaded = true;
    if (key() !== keyOf(NEWEST)) await loadPage(choice);
    renderAll();
    return page;
  };

  /** Old rows must not stay beside those of another store. @param {string} cursor */
  const belong = (cursor) => {
    if (storeId && storeId !== storeOf(cursor)) forget();
    storeId = storeOf(cursor);
  };

  const forget = () => {
    store.clear();
    recipes.clear();
    paging.clear();
    dirty.clear();
    for (const body of bodies.values()) body.node.remove();
    bodies.clear();
  };

  table.addEventListener("mouseleave", renderAll);

  return {
    node: table,
    load,
    isLoaded: () => loaded,
    refreshSoon,
    renderAll,
    /** What was chosen changed: show it of what is here, and ask for the rest. */
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
      for (const recipe of recipes.keys()) dirty.add(recipe);
      loaded = false;
    },
    /** @param {import("./types.js").LiveEvent} event */
    onEvent(event) {
      const known = store.apply(event);
      if (event.kind !== "state") return;
      const recipe = known && store.runs.get(event.data.run)?.recipe;
      if (recipe) dirty.add(recipe);
    },
    /** @param {Run} run */
    take: (run) => store.merge([run], null),
    setStale: store.setStale,
    tick() {
      for (const recipe of recipes.keys()) {
        const shown = shownOf(recipe);
        if (shown?.runs.some(changesWithTime)) bodies.get(recipe)?.update(shown, choice.open.has(recipe));
      }
    },
    /** How many rows are here, how many of them are shown, and how many recipes wait to be. */
    sizes() {
      const all = [...recipes.keys()].flatMap((recipe) => shownOf(recipe) ?? []);
      return { known: all.length, shown: all.filter((one) => isShown(one) && bodies.has(one.recipe.recipe)).length, held: all.filter((one) => isShown(one) && !bodies.has(one.recipe.recipe)).length };
    },
    /** How many rows of this view the chosen runs are. */
    chosen: () => new Set([...selection.ids].map((id) => store.runs.get(id)?.recipe ?? id)).size,
    isKnown: (/** @type {number} */ id) => store.runs.has(id),
    find: (/** @type {number} */ id) => store.runs.get(id),
  };
}

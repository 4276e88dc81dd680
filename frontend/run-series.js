/** A section with series that are too long to be points: loaded when it comes into view, and then about every ten
 *  seconds as long as the run trains and somebody can see it. The page never waits for it. */

import { get } from "./api.js";
import { createCoalescer } from "./coalesce.js";
import { byId, element, setText } from "./dom.js";
import { createCharts } from "./run-series-charts.js";
import { attemptsOf, chartsOf, emptyText, POINTS, remarks } from "./run-series-model.js";
import { isTraining } from "./run-states.js";

/** @typedef {import("./run-series-model.js").By} By */
/** @typedef {import("./run-series-model.js").Listed} Listed */

const REFRESH_MS = 10_000;
const NEAR = "200px"; // loaded a little before a person has scrolled to it

/** @param {number} id the run's @param {string} section its element's id @param {By} by */
export function createSeries(id, section, by) {
  const showCharts = createCharts(byId(`${section}-figures`), by);
  const attempts = createAttemptChoice(byId(`${section}-tools`), () => void loadNow());
  /** @type {import("./types.js").Run|null} */ let run = null;
  let inView = false;
  /** The state and attempt of the run that the last load began in: in another one there is something new. */
  let loadedIn = "";
  /** Which load is the newest: an answer that another one overtook is not shown. */
  let asked = 0;

  const load = async () => {
    if (!run) return;
    const mine = ++asked;
    loadedIn = standing(run);
    try {
      const listed = (await get(`/api/runs/${id}/series`)).series.filter((/** @type {Listed} */ one) => one.by === by);
      const chosen = attempts.show(attemptsOf(listed));
      const shown = chosen === null ? listed : listed.filter((/** @type {Listed} */ one) => one.attempts?.some(({ attempt }) => attempt === chosen));
      const dense = await Promise.all(shown.map((/** @type {Listed} */ one) => values(one, chosen)));
      if (mine === asked) show(dense, chosen);
    } catch (problem) {
      if (mine === asked) sayEmpty(problem.message);
      throw problem;
    }
  };
  const loadSoon = createCoalescer(load, REFRESH_MS);
  const loadNow = () => load().catch(loadSoon); // a person waits for it; what fails is tried again

  /** @param {Listed} listed @param {number|null} attempt */
  const values = async (listed, attempt) => {
    const query = new URLSearchParams({ name: listed.name, points: String(POINTS), ...(attempt === null ? {} : { attempt: String(attempt) }) });
    return { ...listed, ...(await get(`/api/runs/${id}/series/values?${query}`)) };
  };

  /** @param {import("./run-series-model.js").Dense[]} dense @param {number|null} attempt */
  const show = (dense, attempt) => {
    const charts = chartsOf(by, dense);
    showCharts(charts, `run ${id} ${by} ${attempt}`);
    setText(byId(`${section}-text`), remarks(by, dense));
    byId(`${section}-empty`).hidden = charts.length > 0;
    if (!charts.length && run) sayEmpty(emptyText(by, run));
  };

  const sayEmpty = (/** @type {string} */ text) => setText(byId(`${section}-empty`).firstElementChild, text);

  const look = () => {
    if (!run || !inView || document.hidden) return;
    if (isTraining(run) || loadedIn !== standing(run)) loadSoon();
  };

  new IntersectionObserver(
    (seen) => {
      inView = Boolean(seen.at(-1)?.isIntersecting);
      look();
    },
    { rootMargin: NEAR },
  ).observe(byId(section));
  document.addEventListener("visibilitychange", look);

  /** The run as it stands now: told at each of its events. @param {import("./types.js").Run} changed */
  return (changed) => {
    run = changed;
    look();
  };
}

/** @param {import("./types.js").Run} run */
const standing = ({ state, attempt }) => `${state} ${attempt}`;

/** Which attempt is shown: the newest one that told anything, until a person chooses. @param {Element} tools @param {() => void} onChosen */
function createAttemptChoice(tools, onChosen) {
  const select = element("select", { onchange: onChosen });
  const label = element("label", { class: "pick", hidden: true }, "Attempt", select);
  tools.append(label);
  /** @type {number[]} */ let known = [];

  return {
    /** @param {number[]} attempts the newest first @returns {number|null} the chosen one; null where there is none to choose */
    show(attempts) {
      const chosen = Number(select.value) !== known[0] && attempts.includes(Number(select.value)) ? Number(select.value) : (attempts[0] ?? null);
      if (attempts.join() !== known.join()) select.replaceChildren(...attempts.map((number) => element("option", { value: number, text: number })));
      known = attempts;
      select.value = String(chosen);
      label.hidden = attempts.length < 2;
      return chosen;
    },
  };
}

/** The top of the report: title, the choices of the variant, the strip of numbers, the button, what is trained now. */

import { serverNow } from "./api.js";
import { byId, createList, element, setAttribute, setText } from "./dom.js";
import { estimateText, launchText, obstacles, standingOf, trainedNow } from "./report-model.js";

/** @typedef {import("./report-types.js").View} View */

const SELECTS = /** @type {const} */ ([["size", "sizes"], ["dataset", "datasets"], ["pretraining", "pretraining"]]);

/** @param {{onChoice: (name: string, value: string) => void, progress: Map<number, any>}} options */
export function createReportHead({ onChoice, progress }) {
  const strip = createList(byId("strip"), ({ title }, index) => index, () => {
    const parts = { title: element("dt"), value: element("dd"), extra: element("dd", { class: "extra" }) };
    const update = (/** @type {{title: string, value: string, extra: string}} */ cell) => {
      setText(parts.title, cell.title);
      setText(parts.value, cell.value);
      setText(parts.extra, cell.extra);
    };
    return { node: element("div", {}, parts.title, parts.value, parts.extra), update };
  });
  const now = createList(byId("now"), ({ id }) => id, ({ id }) => {
    const link = element("a", { href: `/runs/${id}`, text: `run ${id}` });
    const text = element("span");
    return { node: element("li", {}, text, " ", link), update: ({ text: words }) => setText(text, words) };
  });
  for (const [name] of SELECTS) byId(name).addEventListener("change", () => onChoice(name, byId(name).value));
  byId("seed").addEventListener("change", () => byId("seed").checkValidity() && onChoice("seed", byId("seed").value || "0"));

  /** @type {View|null} */ let view = null;
  let loadedAt = 0;
  /** @type {number|null} */ let seed = null;

  /** Choices change seldom: a list that is open must not close. @param {View} shown */
  const showVariant = (shown) => {
    const { variant } = shown;
    for (const [name, list] of SELECTS) {
      const options = variant.choices[list].map((choice) => ({ value: choice.name, text: choice.ready === false ? `${choice.title} (not here)` : choice.title }));
      const select = byId(name);
      const key = JSON.stringify(options);
      if (select.dataset.key !== key) {
        select.dataset.key = key;
        select.replaceChildren(...options.map(({ value, text }) => element("option", { value, text })));
      }
      if (select.value !== variant[name]) select.value = variant[name];
    }
    // What is being typed stays, until another seed is shown.
    if (document.activeElement !== byId("seed") || seed !== variant.seed) byId("seed").value = String(variant.seed);
    seed = variant.seed;
    const seeds = variant.seeds.map(String);
    if (byId("seeds").children.length !== seeds.length) byId("seeds").replaceChildren(...seeds.map((value) => element("option", { value })));
    const lacking = obstacles(shown);
    byId("not-ready").hidden = !lacking.length;
    setText(byId("not-ready"), lacking.join(" "));
    const size = variant.choices.sizes.find(({ name }) => name === variant.size);
    setText(byId("size-about"), size?.about ?? "");
  };

  const tick = () => {
    if (!view) return;
    strip(standingOf(view, Date.now() - loadedAt));
    const running = trainedNow(view, progress, serverNow());
    now(running);
    const waiting = (view.standing.states.queued ?? 0) + (view.standing.states.waiting ?? 0);
    setText(byId("now-title"), running.length ? "Training now" : waiting ? "Waiting for a worker" : "");
  };

  /** @param {View} shown @param {boolean} sending */
  const update = (shown, sending) => {
    view = shown;
    loadedAt = Date.now();
    const { standing } = shown;
    document.title = `${shown.title} · Runyard`;
    setText(byId("title"), shown.title);
    setText(byId("about"), shown.about);
    setText(byId("summary"), standing.summary);
    showVariant(shown);
    const button = byId("run-missing");
    button.disabled = sending || standing.missing === 0 || Boolean(standing.problem);
    setText(byId("run-missing-text"), sending ? "Launching…" : launchText(standing));
    setText(byId("estimate"), estimateText(standing));
    setAttribute(byId("report"), "data-missing", String(standing.missing));
    byId("nothing").hidden = standing.missing < standing.runs;
    tick();
  };
  return { update, tick };
}

/** The form of the launch page: what it starts from, its fields, and everything beside them that follows. */

import { byId } from "./dom.js";
import { createClone, createPresetChoice, seedsOf, setsOf } from "./launch-base.js";
import { createField } from "./launch-field.js";
import { createGroups } from "./launch-groups.js";
import { createOffers } from "./launch-offers.js";
import { plansFor } from "./launch-plan.js";
import { createPreview } from "./launch-preview.js";
import { fieldOf, requestOf } from "./launch-request.js";
import { createSnippets } from "./launch-snippets.js";
import { awayText, createSubmit } from "./launch-submit.js";
import { createSummary, seedsText } from "./launch-summary.js";
import { notice } from "./standing.js";

/** @typedef {import("./launch-plan.js").Plan} Plan */
/** @typedef {{query: URLSearchParams, presets: import("./types.js").Preset[], rules: Object<string, any>, models: string[],
 *   shelf: import("./launch-offers.js").Shelf, run: import("./types.js").Run|null}} Loaded what the page knows at its start */

/** What a launch says beside the spec. */
const OWN = /** @type {{plan: Plan, help: string}[]} */ ([
  { plan: { path: "seeds", label: "Seeds", group: "", kind: "text" }, help: "A run for each: 0, 1, 2 or a range, 0-4." },
  { plan: { path: "name", label: "Name", group: "", kind: "text" }, help: "What the runs are called; may stay empty." },
  { plan: { path: "experiment", label: "Experiment", group: "", kind: "text" }, help: "Keeps runs together that answer one question; may stay empty." },
]);

/** @param {Loaded} loaded @param {{loadShelf: () => Promise<import("./launch-offers.js").Shelf>}} options */
export function createLaunchForm({ query, presets, rules, models, shelf, run }, { loadShelf }) {
  const plans = plansFor(rules);
  const place = byId("base");
  const onProblem = (/** @type {string} */ message) => notice("bad", message);
  const start = run ? createClone({ run, place }) : createPresetChoice({ presets, query, place, onChosen: () => follow(true), onProblem });
  const changed = () => follow(false);
  const groups = createGroups({ plans, rules, onInput: changed });
  const own = OWN.map(({ plan, help }) => createField({ plan, help, onInput: changed }));
  const fields = new Map([...groups.fields, ...own.map((field) => /** @type {[string, import("./launch-field.js").Field]} */ ([field.plan.path, field]))]);
  const field = (/** @type {string} */ path) => /** @type {import("./launch-field.js").Field} */ (fields.get(path));
  const offers = createOffers({ fields: groups.fields, models, presets, nodes: byId("nodes") });
  const summary = createSummary({ onPutBack: putBack, onUseShapes: useShapes });
  const snippets = createSnippets();
  const submit = createSubmit({ read: request, tell: (message, path) => tell(message, path, true), whose });
  const preview = createPreview({
    read() {
      const read = request();
      if (!("problem" in read)) return read.body;
      submit.block(""); // a press leads to the field that cannot be read
      tell(read.problem, read.path);
      return null;
    },
    onAsked: summary.showStale,
    onAnswer(answer) {
      if (!submit.isAsking()) tell("", null);
      summary.showPreview(answer);
      submit.block(answer.ready ? "" : awayText(answer.missing));
      snippets.take(answer.snippets);
    },
    onRefused({ message }) {
      submit.block("");
      tell(message, whose(message));
    },
  });

  byId("groups").replaceChildren(...groups.nodes);
  byId("own").replaceChildren(...own.map(({ node }) => node));
  field("seeds").set([seedsOf(query) ?? start.seeds]);
  field("experiment").set([start.experiment]);
  field("name").input.placeholder = run ? (run.name ?? "as the run") : "as the preset";

  function request() {
    const text = (/** @type {string} */ path) => field(path).texts()[0] ?? "";
    const form = { texts: groups.texts(), words: groups.words(), seeds: text("seeds"), name: text("name"), experiment: text("experiment") };
    return requestOf(start.base(), form, plans, rules);
  }

  /** The field that a refusal speaks of, of those that are shown. @param {string} message */
  function whose(message) {
    return fieldOf(message, [...fields].filter(([, { node }]) => !node.hidden).map(([path]) => path));
  }

  /** Let everything follow what was chosen or typed. @param {boolean} anew whether the launch starts from something else now */
  function follow(anew) {
    const base = start.base();
    if (anew) groups.setBase(base);
    offers.follow(base);
    groups.follow();
    const read = request();
    if (!("problem" in read)) summary.showRequest(read, start.title(), run ? `run ${run.id}` : "the preset", run ? seedsText(read.body.seeds, run) : "");
    submit.follow("problem" in read ? null : read.runs);
    preview.soon();
  }

  /** One sentence beside the button, and at the field that it speaks of. @param {string} message @param {string|null} path @param {boolean} [focus] */
  function tell(message, path, focus = false) {
    submit.tell(message);
    for (const [each, { tellWrong }] of fields) tellWrong(each === path ? message : "");
    if (!path) return;
    groups.reveal(path);
    if (focus) field(path).focus();
  }

  /** @param {string} path */
  function putBack(path) {
    field(path).reset();
    field(path).tellWrong("");
    follow(false);
    byId("launch-differs").focus();
  }

  /** Generated images in place of a data set that is not here. */
  function useShapes() {
    field("dataset.name").set(["shapes"]);
    follow(false);
    byId("launch-submit").focus();
  }

  // Back from the terminal, where what was missing may have been fetched.
  document.addEventListener("visibilitychange", async () => {
    if (document.hidden) return;
    const found = await loadShelf().catch(() => null); // the lost connection is told in the header
    const before = JSON.stringify(request());
    if (found) offers.take(found);
    offers.follow(start.base());
    if (JSON.stringify(request()) !== before) follow(false);
    else preview.soon();
  });

  /** Change what the address sets: each is marked as any other field that differs from what the launch starts from. */
  function applySets() {
    const { sets, problems } = setsOf(query, plans, rules);
    for (const { path, text } of sets) field(path).set([text]);
    if (!sets.length && !problems.length) return;
    follow(false);
    const unsaid = sets.filter(({ path }) => field(path).node.hidden).map(({ path }) => `The address sets ${path}, which says nothing beside what else is chosen here; it is left out.`);
    if (problems.length + unsaid.length) onProblem([...problems, ...unsaid].join(" "));
    const changed = sets.filter(({ path }) => !field(path).node.hidden).map(({ path }) => field(path).plan.label.toLowerCase());
    if (run && changed.length) place.querySelector(".clone-says p")?.append(` Changed already: ${changed.join(", ")}.`);
  }

  offers.take(shelf);
  follow(true);
  applySets();
}

/** The fields of the launch page in their groups: the ones used often are open, the rest stand behind a line. */

import { element, setText } from "./dom.js";
import { createField } from "./launch-field.js";
import { helpText, inWords, RARE_GROUPS } from "./launch-plan.js";
import { baseTexts, chosenOf, isShown } from "./launch-request.js";

/** @typedef {import("./launch-plan.js").Plan} Plan */
/** @typedef {import("./launch-field.js").Field} Field */
/** @typedef {import("./launch-request.js").Base} Base */

/** @param {{plans: Plan[], rules: Object<string, any>, onInput: (path: string) => void}} options */
export function createGroups({ plans, rules, onInput }) {
  /** @type {Map<string, Field>} */ const fields = new Map();
  const groups = [...new Set(plans.map(({ group }) => group))].map((name) => createGroup(name, plans.filter(({ group }) => group === name)));

  /** @param {string} name @param {Plan[]} own */
  function createGroup(name, own) {
    const made = own.map((plan) => {
      const rule = rules[plan.path] ?? rules[`${plan.path}.source`]; // one field for a whole table of weights
      const field = createField({ plan, unit: rule?.unit, help: helpText(plan, rule), options: optionsOf(plan, rule), list: plan.kind === "node" ? "nodes" : undefined, onInput: () => onInput(plan.path) });
      if (plan.empty) field.input.placeholder = plan.empty;
      fields.set(plan.path, field);
      return field;
    });
    const isRare = RARE_GROUPS.includes(name);
    const main = made.filter(({ plan }) => plan.main || isRare);
    const rest = made.filter(({ plan }) => !plan.main && !isRare);
    const more = element("details", { class: "more" }, element("summary"), element("div", { class: "fields" }, ...rest.map(({ node }) => node)));
    const id = `group-${name.toLowerCase().replaceAll(" ", "-")}`;
    const body = element("div", {}, element("div", { class: "fields" }, ...main.map((field) => field.node)), ...(rest.length ? [more] : []));
    const node = element("section", { class: "group", "aria-labelledby": id }, element("h3", { id, text: name }), body);
    return { name, node, more, rest, made };
  }

  const [usual, rare] = [false, true].map((wanted) => groups.filter(({ name }) => RARE_GROUPS.includes(name) === wanted));
  const rareNames = rare.map(({ name }, index) => (index ? name.toLowerCase() : name)).join(", ");
  const rareGroups = element("details", { class: "more-groups" }, element("summary", { text: rareNames }), ...rare.map(({ node }) => node));

  const texts = () => Object.fromEntries([...fields].map(([path, field]) => [path, field.texts()]));

  return {
    fields,
    nodes: [...usual.map(({ node }) => node), ...(rare.length ? [rareGroups] : [])],
    texts,
    words: () => Object.fromEntries([...fields].map(([path, field]) => [path, field.words()])),
    /** Lay the values that a launch starts from under the fields. @param {Base} base */
    setBase(base) {
      for (const [path, text] of Object.entries(baseTexts(base, plans, rules))) fields.get(path)?.setBase(text);
    },
    /** Show the fields that say something with what is chosen, and open what must be seen. */
    follow() {
      const chosen = chosenOf(texts());
      for (const { plan, node } of fields.values()) node.hidden = !isShown(plan, chosen);
      for (const { more, rest } of usual) {
        const shown = rest.filter(({ node }) => !node.hidden);
        more.hidden = !shown.length;
        setText(more.firstElementChild, shown.map(({ plan }) => plan.label).join(", "));
        openWhatDiffers(more, shown);
      }
      openWhatDiffers(rareGroups, rare.flatMap(({ made }) => made).filter(({ node }) => !node.hidden));
    },
    /** Open the line that a field stands behind. @param {string} path */
    reveal(path) {
      const more = fields.get(path)?.node.closest("details");
      if (more) more.open = true;
    },
  };
}

/** What differs must not hide; a person may close it again. @param {any} details @param {Field[]} shown those behind its line */
function openWhatDiffers(details, shown) {
  if (details.dataset.opened || !shown.some(({ node }) => node.matches(".differs, .wrong"))) return;
  details.open = true;
  details.dataset.opened = "yes";
}

/** The options that the rules of the spec know; those of data sets, models and weights are offered later.
 *  @param {Plan} plan @param {any} rule */
function optionsOf(plan, rule) {
  if (plan.kind === "choice") return (rule?.enum ?? [rule?.const ?? rule?.default]).map((/** @type {string} */ value) => ({ value, text: inWords(plan, value) }));
  if (plan.kind === "flag") return ["no", "yes"].map((value) => ({ value, text: value }));
  return ["dataset", "model", "network", "weights"].includes(plan.kind) ? [] : null;
}

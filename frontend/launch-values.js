/** From what is typed to values: one or several numbers, names, seeds with ranges. Pure. */

/** @typedef {import("./launch-plan.js").Plan} Plan */
/** @typedef {{problem: string, path: string}} Refusal */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
export const MOST_RUNS = 1000;

/** What several values are typed with between them. @param {string} typed */
export const parts = (typed) => typed.split(/[\s,;]+/).filter(Boolean);

/** The values of a field; several make a grid.
 *  @param {Plan} plan @param {string[]} texts what was typed, or each choice that was ticked @param {boolean} nullable
 *  @returns {{values: any[]}|Refusal} */
export function readValues(plan, texts, nullable) {
  const typed = plan.kind === "number" || plan.kind === "node" || plan.kind === "run" ? texts.flatMap(parts) : texts;
  if (!typed.length || typed.every((text) => text.trim() === "")) {
    if (nullable) return { values: [null] };
    const wanted = { number: "a number", run: "the number of a run" }[/** @type {string} */ (plan.kind)] ?? "a name";
    return { problem: `${plan.label} is empty; give ${wanted}.`, path: plan.path };
  }
  const values = [];
  for (const text of typed) {
    const read = readOne(plan, text, nullable);
    if ("problem" in read) return read;
    if (values.includes(read.value)) return { problem: `${plan.label} has ${text} twice; each value makes runs of its own.`, path: plan.path };
    values.push(read.value);
  }
  if (plan.one && values.length > 1) return { problem: `${plan.label} has ${values.length} values; it takes one.`, path: plan.path };
  return { values };
}

/** @param {Plan} plan @param {string} text @param {boolean} nullable @returns {{value: any}|Refusal} */
function readOne({ path, label, kind }, text, nullable) {
  if (kind === "flag") return { value: text === "yes" };
  if (kind !== "number" && kind !== "run") return { value: text };
  if (nullable && kind === "number" && /^(all|none|never)$/i.test(text)) return { value: null };
  const number = NUMBER.test(kind === "run" ? text.replace(/^#/, "") : text) ? Number(text.replace(/^#/, "")) : NaN;
  if (!Number.isFinite(number)) return { problem: `${label} is “${text}”, which is no number; write it like 10 or 0.05.`, path };
  return { value: number };
}

/** "0, 1, 5-7" as numbers. @param {string} typed @returns {{values: number[]}|Refusal} */
export function readSeeds(typed) {
  const refuse = (/** @type {string} */ problem) => ({ problem, path: "seeds" });
  // A range may stand with spaces around its dash.
  const texts = parts(typed.replace(/\s*[-–]\s*(?=\d)/g, "-"));
  if (!texts.length) return refuse("Seeds is empty; give at least one, such as 0.");
  /** @type {number[]} */ const values = [];
  for (const text of texts) {
    const found = /^(\d+)(?:-(\d+))?$/.exec(text);
    if (!found) return refuse(`Seeds has “${text}”; give whole numbers and ranges, such as 0, 1, 5-9.`);
    const first = Number(found[1]);
    const last = found[2] === undefined ? first : Number(found[2]);
    if (last < first) return refuse(`Seeds has “${text}”; a range goes up, such as ${last}-${first}.`);
    if (values.length + last - first >= MOST_RUNS) return refuse(`Seeds has more than ${MOST_RUNS} values; a launch may have ${MOST_RUNS} runs.`);
    for (let seed = first; seed <= last; seed += 1) values.push(seed);
  }
  const twice = values.find((seed, index) => values.indexOf(seed) !== index);
  return twice === undefined ? { values } : refuse(`Seed ${twice} stands there twice.`);
}

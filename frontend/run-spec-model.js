/** A spec as pairs of a dotted path and a text, what is not as in its preset first. Pure. */

import { count, exact } from "./format.js";

/** @typedef {import("./types.js").Preset} Preset */
/** @typedef {{path: string, text: string, preset: string|null}} SpecPair preset: what stands there in the preset, where it differs */

const HASH = /^[0-9a-f]{64}$/;

/** A person launches by the preset and chooses these; a parent's recipe follows from the images that the run itself sees. */
const NOT_COMPARED = /^seed$|weights\.parent$/;

/** The fields of a spec; of weights only those that say something. @param {any} part @param {string} [prefix] @returns {[string, string][]} */
export function specFields(part, prefix = "") {
  return Object.entries(part).flatMap(([key, value]) => {
    const path = prefix ? `${prefix}.${key}` : key;
    if (key === "weights") return specFields(Object.fromEntries(Object.entries(value).filter(([name, one]) => one !== null && (name !== "rule" || value.parent))), path);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return specFields(value, path);
    return [/** @type {[string, string]} */ ([path, fieldText(key, value)])];
  });
}

/** @param {string} name @param {any} value */
function fieldText(name, value) {
  if (value === null) return /_limit$/.test(name) ? "all" : /size$/.test(name) ? "as stored" : "none";
  if (typeof value === "number") return exact(value);
  return HASH.test(value) ? value.slice(0, 12) : String(value);
}

/** @param {any} spec @param {any|null} base the spec of the preset in the same size; null where there is none @returns {SpecPair[]} */
export function specPairs(spec, base) {
  const own = specFields(spec);
  const known = new Map(base ? specFields(base).filter(([path]) => !NOT_COMPARED.test(path)) : []);
  const pairs = own.map(([path, text]) => {
    const before = base && !NOT_COMPARED.test(path) ? (known.get(path) ?? "none") : text;
    return { path, text, preset: before === text ? null : before };
  });
  const there = new Set(own.map(([path]) => path));
  const gone = [...known].filter(([path, text]) => !there.has(path) && text !== "none").map(([path, text]) => ({ path, text: "none", preset: text }));
  return [...pairs.filter(({ preset }) => preset !== null), ...gone, ...pairs.filter(({ preset }) => preset === null)];
}

/** "2 fields are not as in the preset “Softmax regression”, quick". @param {SpecPair[]} pairs @param {Preset|undefined} preset @param {string|null} size */
export function differenceText(pairs, preset, size) {
  if (!preset) return "";
  const name = `the preset “${preset.title}”, ${size === "quick" ? "quick" : "as published"}`;
  const number = pairs.filter((pair) => pair.preset !== null).length;
  if (!number) return `As in ${name}`;
  return `${count(number)} ${number === 1 ? "field is" : "fields are"} not as in ${name}`;
}

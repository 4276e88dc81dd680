/** Which runs are chosen to be compared, and the boxes that choose them. */

import { element } from "./dom.js";

/** As many as the service compares. */
export const MOST_RUNS = 1000;

/** @param {{onChange: () => void, onError: (message: string) => void}} options */
export function createSelection({ onChange, onError }) {
  /** @type {Set<number>} */ const ids = new Set();

  /** @param {number[]} wanted @param {boolean} on @returns {boolean} whether it could be done */
  const set = (wanted, on) => {
    const added = on ? wanted.filter((id) => !ids.has(id)) : [];
    const fits = ids.size + added.length <= MOST_RUNS;
    if (!fits) onError(`At most ${MOST_RUNS} runs can be compared at once; ${ids.size} are chosen, and this adds ${added.length}.`);
    else for (const id of wanted) on ? ids.add(id) : ids.delete(id);
    onChange();
    return fits;
  };

  /** A box for one row; `update` says which runs it stands for. */
  const box = () => {
    /** @type {number[]} */ let mine = [];
    const input = element("input", { type: "checkbox", onchange: () => set(mine, input.checked) });
    const node = element("label", { class: "select" }, input);
    const update = (/** @type {number[]} */ wanted, /** @type {string} */ name) => {
      mine = wanted;
      const chosen = wanted.filter((id) => ids.has(id)).length;
      input.checked = chosen > 0 && chosen === wanted.length;
      input.indeterminate = chosen > 0 && chosen < wanted.length;
      input.setAttribute("aria-label", `Select ${name}`);
    };
    return { node, update };
  };

  const clear = () => {
    ids.clear();
    onChange();
  };

  /** Forget runs that are no more. @param {(id: number) => boolean} isThere */
  const keep = (isThere) => {
    for (const id of ids) if (!isThere(id)) ids.delete(id);
  };

  return { ids, box, clear, keep };
}

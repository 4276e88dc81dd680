/** Which runs of a recipe stand for it. Pure. */

const LOST = new Set(["failed", "cancelled"]);

/** Those that say most: one a seed, the newest, and no lost ones where there are others.
 *  @template {{id: number, seed: number, state: string}} T @param {T[]} runs @returns {T[]} */
export function members(runs) {
  const sound = runs.filter(({ state }) => !LOST.has(state));
  /** @type {Map<number, T>} */ const bySeed = new Map();
  for (const run of sound.length ? sound : runs) {
    const known = bySeed.get(run.seed);
    if (!known || run.id > known.id) bySeed.set(run.seed, run);
  }
  return [...bySeed.values()];
}

/** The ids of a recipe's members, the oldest first. @param {import("./types.js").Run[]} runs newest first @returns {number[]} */
export const comparable = (runs) => members(runs).map(({ id }) => id).reverse();

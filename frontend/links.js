/** Addresses that lead from runs to other pages. Pure. */

/** @param {Iterable<number>} runs */
export function compareAddress(runs) {
  const query = new URLSearchParams([...runs].map((run) => ["run", String(run)]));
  return query.size ? `/compare?${query}` : "/compare";
}

/** @param {number} run */
export const cloneAddress = (run) => `/launch?clone=${run}`;

/** The Launch page with a clone of which some fields are changed. @param {number} run @param {Object<string, any>} change by path, such as "optimizer.lr" */
export const changeAddress = (run, change) =>
  `/launch?${new URLSearchParams([["clone", String(run)], ...Object.entries(change).map(([path, value]) => ["set", `${path}:${value ?? "none"}`])])}`;

/** @param {number} run @param {number[]} seeds that no run of its recipe has */
export const seedsAddress = (run, seeds) => `/launch?${new URLSearchParams({ clone: String(run), seeds: seeds.join(",") })}`;

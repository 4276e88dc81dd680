/** Addresses of launches that follow from a comparison. Pure. */

/** @param {number} run */
export const cloneAddress = (run) => `/launch?clone=${run}`;

/** @param {number} run @param {number[]} seeds that no run of its recipe has */
export const seedsAddress = (run, seeds) => `/launch?${new URLSearchParams({ clone: String(run), seeds: seeds.join(",") })}`;

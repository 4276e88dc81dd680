/** Where the next page of each filter starts, and down to where a list has no hole. Pure. */

export function createPaging() {
  /** By filter; null at the end. @type {Map<string, number|null>} */ const next = new Map();

  return {
    /** Take note of an answer. @param {string} filter @param {number|undefined} before what was asked
     *  @param {number|null} start of the page after it @param {number} newest that was known before, 0 for none */
    note(filter, before, start, newest) {
      // A burst longer than a page leaves a hole under it: what lies below is shown once it is loaded.
      const hole = before === undefined && newest > 0 && start !== null && start > newest;
      if (before !== undefined || !next.has(filter) || hole) next.set(filter, start);
    },
    /** @param {string} filter @returns {number} the lowest number that is shown */
    lowest: (filter) => next.get(filter) ?? 0,
    /** @param {string} filter @returns {number|null} */
    start: (filter) => next.get(filter) ?? null,
    /** @param {string} filter */
    isLoaded: (filter) => next.has(filter),
    clear: () => next.clear(),
  };
}

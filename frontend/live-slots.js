/** How many tabs of one browser hold a stream. A browser opens six connections to a server over HTTP/1.1, whatever the number of
 *  its tabs: a seventh stream would never open, and worse, a seventh page would never load. Tabs beyond these ask instead. */

const SLOTS = 3;

/** Take one of the slots. Where the browser has no locks (http to another machine) everyone streams.
 *  @returns {Promise<(() => void)|null>} what gives the slot back; null where none is free */
export async function takeSlot() {
  if (!navigator.locks) return () => {};
  for (let slot = 0; slot < SLOTS; slot++) {
    const release = await take(`runyard-stream-${slot}`);
    if (release) return release;
  }
  return null;
}

/** The lock goes with its tab, however that ends. @param {string} name @returns {Promise<(() => void)|null>} */
const take = (name) =>
  new Promise((resolve) => {
    const holding = (/** @type {Lock|null} */ lock) => {
      if (!lock) return resolve(null);
      return new Promise((release) => resolve(() => release(undefined)));
    };
    navigator.locks.request(name, { ifAvailable: true }, holding).catch(() => resolve(null)); // the tab is going
  });

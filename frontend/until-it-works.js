/** A load that is tried again until it works, and then takes its own complaint back. */

import { notice } from "./standing.js";

const RETRY_MS = 3000;

/** @param {() => Promise<unknown>} load
 *  @param {{onLost?: () => void, onRefused?: (problem: any) => HTMLElement|void, isRefused?: (problem: any) => boolean}} [options]
 *   onLost: each time that it fails; isRefused: whether another try is of no use, and then onRefused says so, by what it returns */
export function untilItWorks(load, { onLost = () => {}, onRefused = () => {}, isRefused = () => false } = {}) {
  /** @type {HTMLElement|void} */ let said;
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;
  /** Which try is the newest: what became of an earlier one says nothing any more. */
  let tried = 0;

  return async function again() {
    const mine = ++tried;
    clearTimeout(timer);
    try {
      await load();
      if (mine === tried) said?.remove();
    } catch (problem) {
      if (mine !== tried) return;
      said?.remove();
      if (isRefused(problem)) return void (said = onRefused(problem));
      said = notice("bad", /** @type {Error} */ (problem).message);
      onLost();
      timer = setTimeout(again, RETRY_MS);
    }
  };
}

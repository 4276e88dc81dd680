/** Do a thing once for a burst of wishes, at most so often; a wish that comes while it is done is done after. */

/** @param {() => Promise<void>} task a failure doubles the wait, up to ten seconds, until it succeeds
 *  @param {number} intervalMs */
export function createCoalescer(task, intervalMs) {
  /** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;
  let wanted = false;
  let busy = false;
  let last = 0;
  let waitMs = intervalMs;

  const schedule = () => {
    if (busy || timer !== undefined) return;
    timer = setTimeout(run, Math.max(0, last + waitMs - Date.now()));
  };

  const run = async () => {
    timer = undefined;
    busy = true;
    wanted = false;
    try {
      await task();
      waitMs = intervalMs;
    } catch {
      waitMs = Math.min(waitMs * 2, 10_000); // away: ask less and less often
      wanted = true;
    }
    busy = false;
    last = Date.now();
    if (wanted) schedule();
  };

  return () => {
    wanted = true;
    schedule();
  };
}

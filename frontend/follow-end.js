/** Keeps a scrolling box at its end while it grows, until a person scrolls up; at the end again, it follows again. */

/** So near counts as the end: a line or two may have come while a person scrolled down to it. */
const NEAR_PIXELS = 80;

/** @param {HTMLElement} box */
export function createFollower(box) {
  let following = true;
  let at = 0;

  const offEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight;

  /** Go to the end, where it is followed; after each change of the content. */
  const follow = () => {
    if (!following) return;
    box.scrollTop = box.scrollHeight;
    at = box.scrollTop; // its own move is no person's
  };

  /** Follow from where the box stands now: after a person chose what is shown in it. */
  const look = () => {
    following = offEnd() < NEAR_PIXELS;
  };

  box.addEventListener(
    "scroll",
    () => {
      if (offEnd() <= 1) following = true;
      else if (box.scrollTop < at) following = false;
      else if (offEnd() < NEAR_PIXELS) following = true;
      at = box.scrollTop;
    },
    { passive: true },
  );
  // Lines that become shorter in another width move a box up, and it stays there when they grow again. This event
  // comes before that of the scrolling, which would else pass for a person's.
  addEventListener("resize", follow);
  new ResizeObserver(follow).observe(box); // what was hidden has no end to go to
  return { follow, look };
}

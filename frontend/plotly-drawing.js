/** Drawing by plotly.js that is asked for at any time: the library comes when the page is idle, and a burst of changes is drawn once. */

import { plotlyWhenIdle } from "./plotly-load.js";

/** @param {(Plotly: any) => void} draw @param {(problem: Error) => void} onProblem told where the library did not come */
export function createIdleDrawing(draw, onProblem) {
  /** @type {any} */ let Plotly = null;
  let scheduled = false;
  let started = false;

  const drawNow = () => {
    scheduled = false;
    if (Plotly) draw(Plotly);
  };

  return {
    /** In the next frame, if the library is here. */
    soon() {
      if (scheduled) return;
      scheduled = true;
      requestAnimationFrame(drawNow);
    },
    /** Bring the library, once, and draw; a call after a failure tries again. */
    async start() {
      if (started) return;
      started = true;
      try {
        Plotly = await plotlyWhenIdle();
        drawNow();
      } catch (problem) {
        started = false;
        onProblem(problem);
      }
    },
  };
}

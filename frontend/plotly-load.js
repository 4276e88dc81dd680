/** Brings plotly.js to a page that draws: when nothing more urgent is to be done, and once. */

import { element } from "./dom.js";

export const CONFIG = { displayModeBar: false, displaylogo: false, responsive: true, doubleClick: "reset", scrollZoom: false };

/** plotly.js adds a <style> with the rules of its maps where no element has this id; the policy would refuse it
 *  with a message in the console. We draw no maps. The id is the hash of those rules, as of plotly.js 4.1. */
const MAP_STYLE_ID = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";

/** @type {Promise<any>|null} */ let loading = null;

/** Wait until the page is idle, then load the library; a second call gets the first one's, unless that failed.
 *  @returns {Promise<any>} */
export function plotlyWhenIdle() {
  loading ??= idle().then(load).catch((problem) => {
    loading = null;
    throw problem;
  });
  return loading;
}

/** By a script of our own origin: the policy allows no other way. @returns {Promise<any>} */
function load() {
  return new Promise((resolve, reject) => {
    const marker = element("meta", { id: MAP_STYLE_ID });
    const script = element("script", { src: "/vendor/plotly.js", async: true });
    script.addEventListener("load", () => resolve(/** @type {any} */ (window).Plotly));
    script.addEventListener("error", () => {
      marker.remove();
      script.remove();
      reject(new Error("The curves cannot be drawn: /vendor/plotly.js did not load."));
    });
    document.head.append(marker, script);
  });
}

/** Wait until nothing more urgent is to be done. */
const idle = () =>
  new Promise((resolve) => ("requestIdleCallback" in window ? requestIdleCallback(resolve, { timeout: 1500 }) : setTimeout(resolve, 200)));

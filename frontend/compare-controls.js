/** What is chosen of the view: metric, axis, smoothing, seeds, the epoch that stands for a run, a target. */

import { AXES, CHOICES, METRICS } from "./compare-view.js";
import { byId, element, setAttribute, setText } from "./dom.js";
import { plain } from "./format.js";

/** @typedef {import("./compare-view.js").View} View */

const TYPING_MS = 500;

/** @param {{onDrawn: (changes: Partial<View>) => void, onAsked: (changes: Partial<View>) => void}} options
 *  `onDrawn`: only the curves change; `onAsked`: the table is another one */
export function createControls({ onDrawn, onAsked }) {
  const [metric, smooth, seeds, value, target] = ["metric", "smooth", "seeds", "value", "target"].map(byId);
  metric.append(...METRICS.map(({ name, title }) => element("option", { value: name, text: title })));
  value.append(...CHOICES.map(({ name, title }) => element("option", { value: name, text: title })));

  metric.addEventListener("change", () => onDrawn({ metric: metric.value }));
  smooth.addEventListener("input", () => onDrawn({ smooth: Number(smooth.value) }));
  seeds.addEventListener("change", () => onDrawn({ seeds: seeds.checked }));
  for (const x of AXES) byId(`x-${x}`).addEventListener("click", () => onDrawn({ x }));
  value.addEventListener("change", () => onAsked({ value: value.value }));

  /** @type {ReturnType<typeof setTimeout>|undefined} */ let typing;
  target.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => target.validity.valid && onAsked({ target: shareOf(target.value) }), TYPING_MS);
  });

  /** @param {View} view */
  return (view) => {
    metric.value = view.metric;
    smooth.value = String(view.smooth);
    seeds.checked = view.seeds;
    value.value = view.value;
    // What is being typed is not written over.
    if (document.activeElement !== target) target.value = view.target === null ? "" : plain(view.target * 100);
    setText(byId("smooth-value"), view.smooth ? view.smooth.toFixed(2) : "off");
    setText(byId("value-head"), CHOICES.find(({ name }) => name === view.value)?.head ?? "");
    for (const x of AXES) setAttribute(byId(`x-${x}`), "aria-pressed", String(view.x === x));
  };
}

/** A share from what was typed in percent; null for nothing, and for what is none. Pure. @param {string} text */
export function shareOf(text) {
  const percent = Number(text.trim() || NaN);
  // Without the tail of rounding that a division leaves: it would stand in the address.
  return percent > 0 && percent <= 100 ? Number((percent / 100).toPrecision(12)) : null;
}

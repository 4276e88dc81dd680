/** Wrongly classified images in words. Pure. Probabilities are fractions. */

import { count, counted } from "./format.js";

/** @typedef {{number: number, true: string, predicted: string, probability: number, href: string|null}} Mistake */
/** @typedef {{epoch: number, wrong: number, count: number, images: Mistake[]}} Mistakes */

/** "98%"; never a certainty that is only rounding. @param {number} probability */
export function sureness(probability) {
  if (probability < 0.995) return `${Math.round(probability * 100)}%`;
  return probability < 0.9995 ? `${(probability * 100).toFixed(1)}%` : "> 99.9%";
}

/** "took ship for truck". @param {Mistake} mistake */
export const mistakeText = ({ true: right, predicted }) => `took ${right} for ${predicted}`;

/** What a screen reader says of the picture. @param {Mistake} mistake */
export const pictureText = ({ number, true: right, predicted, probability }) =>
  `Test image ${count(number)}: ${right}, taken for ${predicted}, ${sureness(probability)} sure`;

/** "412 of 2,000 test images are wrong; these are the 48 that it was surest of". @param {Mistakes} mistakes */
export function mistakesText({ wrong, count: all, images }) {
  const of = `of ${counted(all, "test image")}`;
  if (!wrong) return `None ${of} is wrong`;
  const lead = `${count(wrong)} ${of} ${wrong === 1 ? "is" : "are"} wrong`;
  if (!images.length) return `${lead}; none can be shown: the output was no number, or they were not kept`;
  return images.length < wrong ? `${lead}; these are the ${images.length} that it was surest of` : lead;
}

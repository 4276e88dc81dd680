/** A confusion matrix as rows of a table. Pure. Accuracies are fractions. */

import { counted, percent } from "./format.js";

/** @typedef {{epoch: number, count: number, classes: string[], confusion: number[][],
 *   per_class_accuracy: (number|null)[], largest_share: {class: string, share: number}|null}} Predictions */

/** Above this the matrix is no longer a thing to read: only the classes that do worst are shown. */
export const MOST_CLASSES = 20;
const COLLAPSED = 0.95;
const TINTS = 5;

/** @param {Predictions} predictions */
export const asMatrix = ({ classes }) => classes.length <= MOST_CLASSES;

/** The share of its row of one cell, and how strong its tint is, from 0 to 5; a row without images has none.
 *  @param {number[]} row @param {number} column */
export function cellOf(row, column) {
  const total = row.reduce((sum, number) => sum + number, 0);
  const share = total ? row[column] / total : null;
  return { number: row[column], share, tint: share ? Math.max(1, Math.ceil(share * TINTS - 1e-9)) : 0 };
}

/** The classes that do worst, the worst first; those without a test image are left out.
 *  @param {Predictions} predictions @param {number} [most] */
export function worstClasses({ classes, per_class_accuracy: accuracies, confusion }, most = MOST_CLASSES) {
  return classes
    .map((name, index) => ({ name, accuracy: accuracies[index], images: confusion[index].reduce((sum, number) => sum + number, 0), mistakenFor: mistakenFor(confusion[index], index, classes) }))
    .filter(({ accuracy }) => accuracy !== null)
    .sort((one, other) => Number(one.accuracy) - Number(other.accuracy))
    .slice(0, most);
}

/** The class that a class is most often taken for, besides itself. @param {number[]} row @param {number} own @param {string[]} classes */
function mistakenFor(row, own, classes) {
  let best = -1;
  row.forEach((number, index) => {
    if (index !== own && number > 0 && (best < 0 || number > row[best])) best = index;
  });
  return best < 0 ? "" : classes[best];
}

/** "Epoch 10, 1,000 test images; 31.0% of the predictions are 'cat'." @param {Predictions} predictions */
export function predictionsText({ epoch, count, largest_share: largest }) {
  const share = largest ? `; ${percent(largest.share)}% of the predictions are “${largest.class}”` : "";
  return `Epoch ${epoch}, ${counted(count, "test image")}${share}`;
}

/** @param {Predictions} predictions */
export const hasCollapsed = ({ largest_share: largest }) => largest !== null && largest.share > COLLAPSED;

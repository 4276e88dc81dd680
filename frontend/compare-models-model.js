/** Two trained models in words and cells. Pure. Accuracies and differences are shares. */

import { count, isNumber, MISSING } from "./format.js";

/** @typedef {{number: number, true: string, taken_for: string, href: string|null}} Got */
/** @typedef {{run: number, name: string, seed: number, epoch: number, accuracy: number}} Model */
/** @typedef {{name: string, images: number, first: number|null, second: number|null, difference: number|null}} ClassRow */
/** @typedef {{first: Model, second: Model, images: number, table: {both_right: number, only_first: number, only_second: number, both_wrong: number},
 *    p: number, separated: boolean, difference: number, low: number, high: number, smallest: number|null, smallest_with_power: number|null,
 *    power: number, text: string, classes: ClassRow[], confusion_difference: number[][]|null,
 *    only_first: {count: number, images: Got[]}, only_second: {count: number, images: Got[]}}} Models */

/** "+1.25 points"; a minus that is one. @param {number|null} share */
export const points = (share) => (isNumber(share) ? `${signed(share * 100, 2)} points` : MISSING);

/** @param {number} value @param {number} decimals */
export function signed(value, decimals) {
  const text = Math.abs(value).toFixed(decimals);
  return Number(text) === 0 ? text : `${value > 0 ? "+" : "−"}${text}`;
}

/** "0.0123", "< 0.001". @param {number} p */
export const pShown = (p) => (p < 0.001 ? "< 0.001" : p.toPrecision(3));

/** What these images can show at all. @param {Models} found */
export function smallestText({ smallest, smallest_with_power: powered, power, images, table }) {
  const differ = table.only_first + table.only_second;
  if (smallest === null) return `On ${count(differ)} of ${count(images)} images one is right and the other wrong: too few to show any difference at 5%.`;
  const found = powered === null ? "" : `; one of ${(powered * 100).toFixed(2)} points is found in ${Math.round(power * 100)}% of cases`;
  return `With ${count(differ)} of ${count(images)} images on which one is right and the other wrong, the smallest difference that can be shown at 5% is ${(smallest * 100).toFixed(2)} points${found}.`;
}

/** The classes, those that differ most first. @param {Models} found */
export const byDifference = ({ classes }) => classes.filter(({ difference }) => difference !== null).sort((one, other) => Math.abs(Number(other.difference)) - Math.abs(Number(one.difference)));

/** How strongly a cell of the difference is tinted, -5 to 5, by the largest of the table.
 *  @param {number} value @param {number} largest */
export const tintOf = (value, largest) => (value && largest ? Math.sign(value) * Math.max(1, Math.ceil((Math.abs(value) / largest) * 5)) : 0);

/** @param {number[][]} matrix */
export const largestOf = (matrix) => Math.max(0, ...matrix.map((row) => Math.max(...row.map(Math.abs))));

/** @param {Model} model */
export const modelTitle = ({ run, seed }) => `Run ${run}, seed ${seed}`;

/** Student's t for bands over seeds. Pure. */

/** t(0.975) by degrees of freedom, from 1 on: scipy.special.stdtrit(df, 0.975). */
const QUANTILES = [12.7062047, 4.3026527, 3.1824463, 2.7764451, 2.5705818, 2.4469119, 2.3646243, 2.3060041, 2.2621572, 2.2281389, 2.2009852, 2.1788128, 2.1603687, 2.1447867, 2.1314495, 2.1199053, 2.1098156, 2.100922, 2.0930241, 2.0859634];
const Z = 1.959963985;

/** The t that a share of 97.5% lies under, to five digits. Above twenty degrees of freedom by the expansion around the normal
 *  quantile. Source: Abramowitz and Stegun, 26.7.5. @param {number} df 1 or more */
export function quantile(df) {
  if (df <= QUANTILES.length) return QUANTILES[df - 1];
  const [z3, z5, z7] = [3, 5, 7].map((power) => Z ** power);
  return Z + (z3 + Z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * Z) / (96 * df ** 2) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * Z) / (384 * df ** 3);
}

/** Half of the 95% interval of the mean of some values. @param {number[]} values two or more @param {number} mean */
export function halfWidth(values, mean) {
  const n = values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return quantile(n - 1) * Math.sqrt(squares / (n - 1) / n);
}

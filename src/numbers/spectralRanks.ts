/** How many directions a matrix has, in numbers that need no threshold, from its singular values. */

/**
 * Stable rank |D|_F^2 / |D|_2^2 (Rudelson & Vershynin 2007): 1 for one direction, r for r equal ones.
 * @param sigma singular values, in any order
 * @returns null of a zero matrix, which has none
 */
export function stableRank(sigma: ArrayLike<number>): number | null {
  const largest = Math.max(...Array.from(sigma), 0);
  if (!(largest > 0)) return null;
  return Array.from(sigma).reduce((sum, s) => sum + (s / largest) ** 2, 0);
}

/**
 * Effective rank exp(-sum p_i log p_i), p_i = sigma_i / sum sigma (Roy & Vetterli 2007): the exponential of the entropy
 * of the singular values as shares of their sum.
 * @param sigma singular values, in any order
 * @returns null of a zero matrix, which has none
 */
export function effectiveRank(sigma: ArrayLike<number>): number | null {
  const values = Array.from(sigma);
  const total = values.reduce((sum, s) => sum + s, 0);
  if (!(total > 0)) return null;
  const entropy = values.reduce((sum, s) => (s > 0 ? sum - (s / total) * Math.log(s / total) : sum), 0);
  return Math.exp(entropy);
}

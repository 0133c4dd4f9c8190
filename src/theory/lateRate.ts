/**
 * How fast LoRA's update on the low-rank approximation loss approaches its end from a generic start, in normalized
 * factors (coupling.ts): what lambda and which rows of X and Y move are all that this depends on.
 */

export interface GenericStart {
  /** Diagonal of E [min(n, m)], largest first, none negative. */
  readonly sigma: ArrayLike<number>;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  /** X0^T X0 - Y0^T Y0 = -lambda I; 0 also stands for small factors of any imbalance. */
  readonly lambda: number;
  /** Whether X0 and Y0 are not zero. Rows of a factor that E does not tie to the other stay zero if they start so. */
  readonly moves: { readonly x: boolean; readonly y: boolean };
}

/**
 * Exponential rate per unit of time, or null where it is known neither for this start nor as a limit: columns beyond
 * the rank of E that vanish at a rate set by small imbalances. Derived from the flow: [X; Y] goes to the r leading
 * eigenvectors of F = [[-a I, E], [E^T, a I]], a = lambda / 2, with eigenvalues +-mu, mu = sqrt(sigma^2 + a^2), and
 * -a, a of the single rows of X, Y that move. So the rate is the gap between the last that stays and the next smaller
 * one that does not (among equal ones, a start decides which stay, once and for all), or a sum of two that stay.
 */
export function genericRate({ sigma, n, m, rank, lambda, moves }: GenericStart): number | null {
  const tied = Array.from(sigma).filter((s) => s > 0);
  const a = Math.abs(lambda) / 2;
  const last = tied[Math.min(rank, tied.length) - 1];
  if (last === undefined) return null;
  const size = (s: number) => Math.hypot(s, a);
  // Without cancellation where both are short beside a.
  const gap = (larger: number, smaller: number) =>
    (larger - smaller) * ((larger + smaller) / (size(larger) + size(smaller)));
  const [x, y] = [moves.x ? n - tied.length : 0, moves.y ? m - tied.length : 0];
  /** Single rows of the eigenvalues a and -a. */
  const [above, below] = lambda > 0 || (lambda === 0 && moves.y) ? [y, x] : [x, y];
  const spare = rank - tied.length;
  const rates: number[] = [];
  if (spare > 0) {
    if (a === 0 && below > 0) return null;
    rates.push(size(last) + a);
    if (below > 0) rates.push(2 * a);
    if (above > spare) rates.push(gap(last, 0));
  } else {
    rates.push(2 * size(last));
    const [larger, smaller] = [tied.findLast((s) => s > last), tied.find((s) => s < last)];
    if (larger !== undefined && tied[rank] === last) rates.push(gap(larger, last));
    if (smaller !== undefined) rates.push(gap(last, smaller));
    if (above > 0) rates.push(gap(last, 0));
    if (below > 0) rates.push(size(last) + a);
  }
  return Math.min(...rates);
}

/**
 * The late rate of a lambda-balanced start (balanced.ts), read off the columns that it has in the limit of late times.
 */
import type { BalancedStart } from './balancedState.js';
import { gapOf, reduced, rowScale } from './dominantSubspace.js';
import { gramByRows } from './smallMatrices.js';

/** Rate per unit of time at which the update reaches its end; 0 if slower than any exponential, or at rest. */
export function lateRate(start: BalancedStart): number {
  const { eigenvalues, columns: r, c } = start;
  const { z, pivots, inside } = reduced(start, Number.MAX_VALUE);
  const sizeOf = (row: number) => eigenvalues[row]!.size;
  const isPaired = (row: number) => eigenvalues[row]!.kappa !== 0;
  let slowest = Infinity;
  const include = (rate: number) => (slowest = Math.min(slowest, rate));
  /** Two rows whose product is part of X Y^T, as that of two single ones is not. */
  const includeSum = (k: number, l: number) => {
    if (isPaired(k) || isPaired(l)) include(sizeOf(k) + sizeOf(l));
  };
  // Rows that stay are coupled by those that do not grow.
  const weights = Float64Array.from({ length: z.length / r }, (_, k) => {
    const nu = eigenvalues[k];
    return nu ? (nu.sign > 0 ? 0 : rowScale(nu, c, Number.MAX_VALUE)) : 1;
  });
  const coupling = gramByRows(
    z.map((value, at) => value * weights[Math.floor(at / r)]!),
    r,
  );
  for (const i of inside)
    for (const j of inside) {
      const size = Math.sqrt(coupling[i * r + i]! * coupling[j * r + j]!);
      if (Math.abs(coupling[i * r + j]!) > COUPLED * size) includeSum(pivots[i]!, pivots[j]!);
    }
  pivots.forEach((pivot, column) => {
    const moved = [...eigenvalues.keys()].filter((k) => z[k * r + column] !== 0);
    if (!inside.includes(column)) {
      const least = (rows: readonly number[]) =>
        rows.reduce((a, b) => (sizeOf(b) < sizeOf(a) ? b : a), rows[0]!);
      const paired = moved.filter(isPaired);
      if (paired.length > 0) includeSum(least(paired), least(moved));
      return;
    }
    const p = eigenvalues[pivot]!;
    if (p.size === 0) include(0);
    for (const k of moved) {
      const gap = gapOf(p, eigenvalues[k]!);
      if (gap > 0) include(gap);
    }
  });
  return slowest === Infinity ? 0 : slowest;
}

/** Cosine of two columns from which on they are not orthogonal to rounding. */
const COUPLED = 1e-10;

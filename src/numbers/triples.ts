/** Singular triples of a matrix A [n, m], as many as are kept: A v_i = sigma_i u_i. */
import { leadingColumns, type Dense } from './dense.js';

export interface Triples {
  /** U [n, k], orthonormal columns. */
  readonly left: Dense;
  /** Largest first [k]. */
  readonly sigma: Float64Array;
  /** V [m, k], orthonormal columns. */
  readonly right: Dense;
}

/** The first `count` triples. */
export const leadingOf = ({ left, sigma, right }: Triples, count: number): Triples => ({
  left: leadingColumns(left, count),
  sigma: sigma.slice(0, count),
  right: leadingColumns(right, count),
});

/** The singular vectors of grad f(W0), which starts are aligned with. */
import { dense, leadingColumns, scaled, transposed, type Dense } from '../numbers/dense.js';
import { svd, type Svd } from '../numbers/svd.js';
import { leadingOf } from '../numbers/triples.js';
import type { Problem } from './problem.js';

/** e_1, ..., e_rank in R^m. */
export function unitRows(rank: number, m: number): Dense {
  const rows = dense(rank, m);
  for (let i = 0; i < rank; i++) rows.data[i * m + i] = 1;
  return rows;
}

/** e_1, ..., e_count in R^m as columns [m, count]. */
export const unitColumns = (m: number, count: number): Dense => transposed(unitRows(count, m));

/**
 * The directions of a problem whose -grad f(W0) is A [n, m], or -A; the decomposition is computed when first asked for.
 */
export function directionsOf(
  a: Dense,
  sign: 1 | -1 = 1,
): Pick<Problem, 'spectralDirections' | 'descentTriples'> {
  let found: Svd | null = null;
  const decomposed = () => (found ??= svd(a));
  return {
    spectralDirections: (rank) => transposed(leadingColumns(decomposed().right, rank)),
    descentTriples(count) {
      const triples = leadingOf(decomposed(), count);
      return sign === 1 ? triples : { ...triples, right: scaled(triples.right, -1) };
    },
  };
}

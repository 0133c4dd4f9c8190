/** The singular vectors of grad f(W0), which starts are aligned with. */
import { dense, scaled, transposed, type Dense } from '../numbers/dense.js';
import { triplesOf, type Operator } from '../numbers/operator.js';
import { leadingOf, type Triples } from '../numbers/triples.js';
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
  a: Operator,
  sign: 1 | -1 = 1,
): Pick<Problem, 'spectralDirections' | 'descentTriples'> {
  let found: Triples | null = null;
  const leading = (count: number) => {
    found ??= triplesOf(a);
    if (count > found.sigma.length)
      throw new RangeError(`${count} directions of a gradient that has ${found.sigma.length}`);
    return leadingOf(found, count);
  };
  return {
    spectralDirections: (rank) => transposed(leading(rank).right),
    descentTriples(count) {
      const triples = leading(count);
      return sign === 1 ? triples : { ...triples, right: scaled(triples.right, -1) };
    },
  };
}

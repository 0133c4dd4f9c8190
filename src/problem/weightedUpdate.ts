/** The update X Y^T in the norm in which the loss measures it. */
import type { HostStructure } from './structure.js';
import { gram } from '../numbers/gram.js';
import { dense } from '../numbers/dense.js';
import { multiply } from '../numbers/products.js';
import type { Factors } from './factors.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';

/** Y^T H Y [r, r] of Y [m, r], H the covariance of the structure's loss, or the identity. */
export function weightedGram(structure: HostStructure, y: Factors['y']): Float64Array {
  const { cols: r } = y;
  const h = structure.kind === 'quadratic' ? structure.covariance : null;
  return gram(y.data, h ? multiply(h, y).data : y.data, r);
}

/**
 * Singular values of X Y^T H^(1/2), largest first [r]; for the trace-squared loss |tr X Y^T| alone. With a covariance
 * those below 1e-8 of the largest are rounding: they are roots of eigenvalues.
 */
export function weightedSingularValues(structure: HostStructure, { x, y }: Factors): number[] {
  if (structure.kind === 'trace')
    return [Math.abs(x.data.reduce((sum, value, i) => sum + value * y.data[i]!, 0))];
  if (structure.kind === 'diagonal' || structure.covariance === null) return updateSingularValues({ x, y });
  const weighted = multiply(x, dense(x.cols, x.cols, weightedGram(structure, y)));
  return updateSingularValues({ x: weighted, y: x }).map(Math.sqrt);
}

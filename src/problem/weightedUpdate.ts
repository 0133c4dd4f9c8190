/** The update X Y^T in the norm in which the loss measures it. */
import { gram, type HostStructure } from '../../kernels/cpu/evaluate.js';
import { dense } from '../numbers/dense.js';
import type { Factors } from '../ensemble/adapter.js';
import { updateSingularValues } from '../theory/updateSingularValues.js';

/** Y^T H Y [r, r] of Y [m, r], H the covariance of the structure's loss, or the identity. */
export function weightedGram(structure: HostStructure, y: Factors['y']): Float64Array {
  const { cols: r } = y;
  const h = structure.kind === 'quadratic' ? structure.covariance : null;
  return gram(y.data, h ? product(h.data, y.data, h.cols, r) : y.data, r);
}

/**
 * Singular values of X Y^T H^(1/2), largest first [r]; for the trace-squared loss |tr X Y^T| alone. With a covariance
 * those below 1e-8 of the largest are rounding: they are roots of eigenvalues.
 */
export function weightedSingularValues(structure: HostStructure, { x, y }: Factors): number[] {
  if (structure.kind === 'trace')
    return [Math.abs(x.data.reduce((sum, value, i) => sum + value * y.data[i]!, 0))];
  if (structure.kind === 'diagonal' || structure.covariance === null) return updateSingularValues({ x, y });
  const weighted = product(x.data, weightedGram(structure, y), x.cols, x.cols);
  return updateSingularValues({ x: dense(x.rows, x.cols, weighted), y: x }).map(Math.sqrt);
}

/** a b [rows, columns] of a [rows, inner] and b [inner, columns]. */
function product(a: Float64Array, b: Float64Array, inner: number, columns: number): Float64Array {
  const out = new Float64Array((a.length / inner) * columns);
  for (let i = 0; i < a.length / inner; i++)
    for (let k = 0; k < inner; k++) {
      const value = a[i * inner + k]!;
      for (let j = 0; j < columns; j++) out[i * columns + j]! += value * b[k * columns + j]!;
    }
  return out;
}

/**
 * Intruder dimensions (Shuttleworth et al. 2024, arXiv 2410.21228), counted as PEFT's intruders.py finds them: of the
 * ten leading left singular vectors of W, those whose cosine with every left singular vector of W0 is below 1/2.
 */
import { sum, type Dense } from '../../numbers/dense.js';
import { multiplyTransposedLeft, multiplyTransposedRight } from '../../numbers/products.js';
import { svd } from '../../numbers/svd.js';
import { truncatedSvd } from '../../numbers/truncatedSvd.js';
import type { Factors } from '../../problem/factors.js';

const TOP_K = 10;
const EPSILON = 0.5;

export interface IntruderBase {
  /** What is frozen, [n, m]: W0, or what a start has left of it. */
  readonly frozen: Dense;
  /** Left singular vectors of W0 [n, min(n, m)]. */
  readonly left: Dense;
}

/** W0 [n, m] and what is frozen in its place, as intruders are counted against. */
export const intruderBase = (base: Dense, frozen: Dense): IntruderBase => ({ frozen, left: svd(base).left });

/** The number of intruders among the leading left singular vectors of W = frozen + X Y^T. */
export function intrudersIn({ frozen, left }: IntruderBase, { x, y }: Factors): number {
  const w = sum(frozen, multiplyTransposedRight(x, y));
  const leading = truncatedSvd(w, Math.min(TOP_K, w.rows, w.cols)).left;
  const { rows, cols, data } = multiplyTransposedLeft(leading, left);
  let count = 0;
  for (let i = 0; i < rows; i++) {
    const cosines = data.subarray(i * cols, (i + 1) * cols).map(Math.abs);
    if (cosines.every((cosine) => cosine < EPSILON)) count++;
  }
  return count;
}

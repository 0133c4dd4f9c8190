/**
 * The leading eigenvalues of a large positive semidefinite operator that is known by its products, by block Lanczos
 * iteration with every new block made orthogonal to all before it. They are Rayleigh-Ritz values: none is larger than the
 * true one, and their sum errs by the square of what their vectors do.
 */
import { beside, dense, identity, transposed, type Dense } from './dense.js';
import { orthonormalizedAgainst } from './orthonormalizedAgainst.js';
import { normals } from './philox.js';
import { multiplyTransposedLeft } from './products.js';
import { singularValues } from './svd.js';

/** Size up to which the whole operator is formed. */
const WHOLE = 512;
/** Most columns of the basis, beside twice those that are asked for. */
const MOST_COLUMNS = 640;
/** Relative fall of what the leading eigenvalues leave of the trace below which it has stopped falling. */
const TOLERANCE = 1e-4;

/**
 * The leading eigenvalues, until what they leave of the trace has stopped falling or the basis is full.
 * @param count how many [count], from 1 to size
 * @param trace the trace of the operator
 * @param apply its product with Z [size, r]
 */
export function leadingEigenvalues(
  size: number,
  count: number,
  trace: number,
  apply: (z: Dense) => Dense,
): Float64Array {
  if (size <= WHOLE || 4 * count > size) return singularValues(apply(identity(size))).slice(0, count);
  const block = Math.min(64, Math.max(16, Math.ceil(count / 2)));
  const random = (trial: number) =>
    dense(size, block, normals(size * block, { seed: 0, rank: count, trial }, 'mixing'));
  let basis = dense(size, 0);
  let within = dense(0, 0);
  let next = orthonormalizedAgainst(basis, random(0), random).q;
  let before = Infinity;
  for (;;) {
    const image = apply(next);
    within = bordered(within, multiplyTransposedLeft(basis, image), multiplyTransposedLeft(next, image));
    basis = beside(basis, next);
    if (basis.cols >= count) {
      const leading = singularValues(within).slice(0, count);
      const left = trace - leading.reduce((sum, value) => sum + value, 0);
      const isFull = basis.cols + block > Math.min(size, MOST_COLUMNS + 2 * count);
      if (isFull || before - left <= TOLERANCE * left || left <= 1e-14 * trace) return leading;
      before = left;
    }
    next = orthonormalizedAgainst(basis, image, random).q;
  }
}

/** [[A, B], [B^T, C]]. */
function bordered(a: Dense, b: Dense, c: Dense): Dense {
  const [top, bottom] = [beside(a, b), beside(transposed(b), c)];
  const out = dense(top.rows + bottom.rows, bottom.cols);
  out.data.set(top.data);
  out.data.set(bottom.data, top.data.length);
  return out;
}

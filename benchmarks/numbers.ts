/** Errors of states, and of the updates that they stand for. */
import { dense, frobeniusNorm, scaled, type Dense } from '../src/numbers/dense.js';
import { multiplyTransposedRight } from '../src/numbers/products.js';
import { qr } from '../src/numbers/qr.js';
import type { Factors } from '../src/problem/factors.js';

type Numbers = readonly ArrayLike<number>[];

/** |a - b| / |b| over all components. */
export function relativeError(a: Numbers, b: Numbers): number {
  let [difference, size] = [0, 0];
  b.forEach((component, c) => {
    for (let i = 0; i < component.length; i++) {
      difference += (a[c]![i]! - component[i]!) ** 2;
      size += component[i]! ** 2;
    }
  });
  return Math.sqrt(difference / size);
}

/** X Y^T [n m], row-major: formed, since differences of Gram matrices would lose half of the digits. */
export function updateOf({ x, y }: Factors): Float64Array {
  const out = new Float64Array(x.rows * y.rows);
  for (let i = 0; i < x.rows; i++)
    for (let j = 0; j < y.rows; j++) {
      let sum = 0;
      for (let k = 0; k < x.cols; k++) sum += x.data[i * x.cols + k]! * y.data[j * y.cols + k]!;
      out[i * y.rows + j] = sum;
    }
  return out;
}

/**
 * |X Y^T - X' Y'^T| / |X' Y'^T| in the Frobenius norm, for sizes at which neither can be formed: [X, X'] [Y, -Y']^T is
 * a product of r x r matrices between orthogonal ones.
 */
export function updateError(found: Factors, exact: Factors): number {
  const norm = (left: Dense[], right: Dense[]) =>
    frobeniusNorm(multiplyTransposedRight(triangle(left), triangle(right)));
  return norm([found.x, exact.x], [found.y, scaled(exact.y, -1)]) / norm([exact.x], [exact.y]);
}

/** The triangular factor of matrices side by side. */
function triangle(parts: readonly Dense[]): Dense {
  const [rows, cols] = [parts[0]!.rows, parts.reduce((total, part) => total + part.cols, 0)];
  const all = dense(rows, cols);
  let from = 0;
  for (const part of parts) {
    for (let i = 0; i < rows; i++)
      all.data.set(part.data.subarray(i * part.cols, (i + 1) * part.cols), i * cols + from);
    from += part.cols;
  }
  return qr(all).r;
}

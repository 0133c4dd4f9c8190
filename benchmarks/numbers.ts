/** Errors of states, and of the updates that they stand for. */
import { Matrix, QrDecomposition } from 'ml-matrix';
import { toMatrix } from '../src/numbers/dense.js';
import type { Factors } from '../src/ensemble/adapter.js';

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
 * |X Y^T - X' Y'^T| / |X' Y'^T| in the Frobenius norm, for sizes at which neither can be formed: [X, X'] [Y, -Y']^T is a
 * product of r x r matrices between orthogonal ones.
 */
export function updateError(found: Factors, exact: Factors): number {
  const norm = (left: Matrix[], right: Matrix[]) => {
    const [l, r] = [left, right].map((parts) => triangle(parts)) as [Matrix, Matrix];
    return l.mmul(r.transpose()).norm('frobenius');
  };
  const [x, y, x0, y0] = [found.x, found.y, exact.x, exact.y].map(toMatrix) as [
    Matrix,
    Matrix,
    Matrix,
    Matrix,
  ];
  return norm([x, x0], [y, Matrix.mul(y0, -1)]) / norm([x0], [y0]);
}

/** The triangular factor of matrices side by side. */
function triangle(parts: readonly Matrix[]): Matrix {
  const columns = parts.flatMap((part) => part.transpose().to2DArray());
  return new QrDecomposition(new Matrix(columns).transpose()).upperTriangularMatrix;
}

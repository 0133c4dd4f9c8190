/** The largest eigenvalue of a symmetric operator that is known by its products, by restarted Lanczos iteration. */
import { dense } from './dense.js';
import { dot } from './gram.js';
import { norm } from './norm.js';
import { normals } from './philox.js';
import { symmetricEigen } from './symmetric.js';

/** Vectors that are held before a restart. */
const MOST_VECTORS = 40;
const MOST_RESTARTS = 50;

/** Relative residual at which an eigenpair is taken: the eigenvalue is then within its square over the relative gap. */
const TOLERANCE = 1e-7;

/**
 * The algebraically largest eigenvalue of a symmetric operator on vectors of `size` numbers, from a random start that
 * depends on the size alone, with every new vector made orthogonal to all that are held.
 * @param apply the product of the operator with a vector, which it leaves as it is
 * @returns null if no eigenpair was found to a relative residual of 1e-7, or a product is not finite
 */
export function largestEigenvalue(
  size: number,
  apply: (vector: Float64Array) => Float64Array,
): number | null {
  let start = normals(size, { seed: 0, rank: 0, trial: 0 }, 'mixing');
  let largest = 0;
  for (let restart = 0; restart < MOST_RESTARTS; restart++) {
    const { vectors, alpha, beta } = lanczos(start, apply, Math.min(MOST_VECTORS, size));
    if (![...alpha, ...beta].every(Number.isFinite)) return null;
    const k = alpha.length;
    const t = dense(k, k);
    for (let i = 0; i < k; i++) {
      t.data[i * k + i] = alpha[i]!;
      if (i > 0) t.data[i * k + i - 1] = t.data[(i - 1) * k + i] = beta[i - 1]!;
    }
    const eigen = symmetricEigen(t);
    const value = eigen.values[0]!;
    largest = Math.max(largest, ...eigen.values.map(Math.abs));
    const residual = beta[k - 1]! * Math.abs(eigen.vectors.data[(k - 1) * k]!);
    if (residual <= TOLERANCE * largest) return value;
    start = new Float64Array(size);
    vectors.forEach((vector, i) => add(start, eigen.vectors.data[i * k]!, vector));
  }
  return null;
}

/** An orthonormal basis v_1, ... of products of the start, in which the operator is tridiagonal; beta has one more. */
function lanczos(start: Float64Array, apply: (vector: Float64Array) => Float64Array, most: number) {
  const vectors: Float64Array[] = [];
  const [alpha, beta]: [number[], number[]] = [[], []];
  let next = start;
  let length = norm(next);
  while (vectors.length < most) {
    const vector = next.map((value) => value / length);
    vectors.push(vector);
    next = apply(vector).slice();
    const size = norm(next);
    alpha.push(dot(next, vector));
    // Twice is enough (Parlett 1980).
    for (let pass = 0; pass < 2; pass++) for (const other of vectors) add(next, -dot(next, other), other);
    length = norm(next);
    beta.push(length);
    // What is left is rounding: the space is invariant.
    if (!(length > 1e-14 * size)) {
      beta[beta.length - 1] = Number.isFinite(length) ? 0 : length;
      break;
    }
  }
  return { vectors, alpha, beta };
}

function add(to: Float64Array, factor: number, vector: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * vector[i]!;
}

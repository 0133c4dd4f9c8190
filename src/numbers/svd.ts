/**
 * The singular value decomposition A = U diag(sigma) V^T of a dense matrix in float64: Householder bidiagonalization
 * and implicit QR. It is backward stable, ends on every matrix, and what it returns has been checked.
 */
import { bidiagonalize, bidiagonalLengths } from './bidiagonal.js';
import { diagonalize } from './bidiagonalQr.js';
import { dense, difference, identity, scaled, scaledColumns, sum, transposed, type Dense } from './dense.js';
import { multiply, multiplyTransposedLeft } from './products.js';
import { Rotations, rotationLengths } from './rotations.js';
import { fillStrips, fromStrips, stripCount, stripLength } from './strips.js';
import { checkSvd, checkValues } from './svdCheck.js';
import { SvdError } from './svdError.js';
import { workspace, type Block } from './workspace.js';

/** Decomposition A = U diag(sigma) V^T of A [n, m], p = min(n, m). */
export interface Svd {
  /**
   * U: orthonormal columns [n, p], of full bases [n, n]. The first of each of the first p columns' largest entries
   * (to 0.1 %) is positive.
   */
  readonly left: Dense;
  /** Largest first [p]. */
  readonly sigma: Float64Array;
  /** V: orthonormal columns [m, p], of full bases [m, m]. */
  readonly right: Dense;
}

/**
 * Singular values and vectors of A [n, m].
 * @param bases `full` adds bases of what the thin ones leave
 * @throws SvdError if an entry or a singular value is not finite, or a check fails
 */
export function svd(a: Dense, bases: 'thin' | 'full' = 'thin'): Svd {
  const { matrix, unscaled } = scaledToOne(a);
  const wide = a.rows < a.cols;
  const factors = factorize(wide ? transposed(matrix) : matrix, bases);
  const oriented = orient(wide ? { ...factors, left: factors.right, right: factors.left } : factors);
  checkSvd(matrix, oriented);
  return { ...oriented, sigma: unscaled(oriented.sigma) };
}

/**
 * Singular values of A [n, m], largest first [min(n, m)], in a fraction of the time of `svd`.
 * @throws SvdError if an entry or a singular value is not finite, or the check fails
 */
export function singularValues(a: Dense): Float64Array {
  const { matrix, unscaled } = scaledToOne(a);
  const tall = a.rows < a.cols ? transposed(matrix) : matrix;
  const { rows: n, cols: m } = tall;
  const { loops, blocks } = workspace(bidiagonalLengths(n, m));
  blocks.a.data.set(tall.data);
  const bidiagonal = bidiagonalize(n, m, blocks, loops);
  diagonalize(bidiagonal, null, null);
  const sigma = bidiagonal.d.map(Math.abs).sort().reverse();
  checkValues(matrix, sigma);
  return unscaled(sigma);
}

/** A times a power of 2 that takes its largest entry to [1/2, 1), and the way back for singular values. */
function scaledToOne({ rows, cols, data }: Dense) {
  let largest = 0;
  for (const value of data) {
    if (!Number.isFinite(value)) throw new SvdError(`singular values of a matrix with an entry ${value}`);
    largest = Math.max(largest, Math.abs(value));
  }
  const exponent = largest === 0 ? 0 : Math.floor(Math.log2(largest)) + 1;
  // In two factors: one alone may be beyond float64.
  const half = Math.trunc(exponent / 2);
  const [first, second] = [2 ** -half, 2 ** (half - exponent)];
  return {
    matrix: dense(
      rows,
      cols,
      data.map((value) => value * first * second),
    ),
    unscaled(sigma: Float64Array): Float64Array {
      const out = sigma.map((value) => value / first / second);
      if (!Number.isFinite(out[0] ?? 0)) throw new SvdError('a singular value is beyond float64');
      return out;
    },
  };
}

/** The decomposition of a tall matrix [n, m], the signs of vectors as they come. */
function factorize({ rows: n, cols: m, data }: Dense, bases: 'thin' | 'full'): Svd {
  const leftCols = bases === 'full' ? n : m;
  const { strips, pairs, chains } = rotationLengths(m);
  const { loops, blocks } = workspace({
    ...bidiagonalLengths(n, m),
    ...{ inLeft: strips, leftPairs: pairs, leftChains: chains },
    ...{ inRight: strips, rightPairs: pairs, rightChains: chains },
    ...{ u: stripLength(n, leftCols), v: strips },
  });
  blocks.a.data.set(data);
  const bidiagonal = bidiagonalize(n, m, blocks, loops);
  const { inLeft, leftPairs, leftChains, inRight, rightPairs, rightChains, u, v } = blocks;
  const left = new Rotations(loops, { strips: inLeft, pairs: leftPairs, chains: leftChains }, m);
  const right = new Rotations(loops, { strips: inRight, pairs: rightPairs, chains: rightChains }, m);
  diagonalize(bidiagonal, left, right);
  const { d } = bidiagonal;
  const order = Array.from(d, (_, i) => i).sort((i, j) => Math.abs(d[j]!) - Math.abs(d[i]!));
  fillStrips(u.data, n, leftCols, (i, j) => (i < m && j < m ? left.entry(i, order[j]!) : i === j ? 1 : 0));
  fillStrips(v.data, m, m, (i, j) => right.entry(i, order[j]!) * (d[order[j]!]! < 0 ? -1 : 1));
  // U = H_0 ... H_(m-1) L, and V likewise.
  const reflect = (to: Block, rows: number, cols: number, from: Block, taus: Block, offset: number) => {
    const first = m - 1 - offset;
    const [pitch, count] = [rows, stripCount(cols)];
    loops.reflect(to.address, count, rows, from.address, pitch, taus.address, offset, first, -1, first + 1);
  };
  reflect(u, n, leftCols, blocks.left, blocks.leftTaus, 0);
  reflect(v, m, m, blocks.a, blocks.rightTaus, 1);
  const factors = [fromStrips(u.data, n, leftCols), fromStrips(v.data, m, m)] as const;
  return {
    left: orthonormalized(factors[0]),
    sigma: Float64Array.from(order, (i) => Math.abs(d[i]!)),
    right: orthonormalized(factors[1]),
  };
}

/** Q (3 I - Q^T Q) / 2: a Newton step to the nearest orthonormal columns, after the roundings of many rotations. */
function orthonormalized(q: Dense): Dense {
  const defect = difference(identity(q.cols), multiplyTransposedLeft(q, q));
  return sum(q, scaled(multiply(q, defect), 0.5));
}

/** Fixes the sign of each pair of vectors, by the left one. */
export function orient({ left, sigma, right }: Svd): Svd {
  const largest = new Float64Array(sigma.length);
  const { cols } = left;
  left.data.forEach((value, at) => {
    const j = at % cols;
    if (j < largest.length) largest[j] = Math.max(largest[j]!, Math.abs(value));
  });
  const signs = largest.map((size, j) => {
    for (let at = j; at < left.data.length; at += cols)
      if (Math.abs(left.data[at]!) >= 0.999 * size) return Math.sign(left.data[at]!);
    return 1;
  });
  const withSigns = (a: Dense) => scaledColumns(a, signs);
  return { left: withSigns(left), sigma, right: withSigns(right) };
}

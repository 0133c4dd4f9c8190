/**
 * The leading singular triples of a large matrix, by block Golub-Kahan bidiagonalization from a random start, with
 * every new block made orthogonal to all before it and restarts at a bounded size. It goes on until its certificate,
 * the squared distance |A - U diag(sigma) V^T|_F^2, stops falling: that is exact for the factors that are returned, and
 * an upper bound of what the best ones of that rank leave.
 */
import { normals } from './philox.js';
import { beside, dense, grown, scaled, scaledColumns, type Dense } from './dense.js';
import { orthonormalizedAgainst } from './orthonormalizedAgainst.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from './products.js';
import { singularValues, svd } from './svd.js';
import { SvdError } from './svdError.js';
import { leadingOf, type Triples } from './triples.js';

export interface TruncatedSvdOptions {
  /** Seed of the random start (default 0). */
  readonly seed?: number;
  /** Relative fall of the certificate in one iteration below which it has stopped falling (default 1e-6). */
  readonly tolerance?: number;
  /** Two products with A each (default 100). */
  readonly maxIterations?: number;
  readonly onProgress?: (progress: TruncatedSvdProgress) => void;
}

export interface TruncatedSvdProgress {
  readonly iteration: number;
  /** The certificate so far, relative to |A|_F^2. */
  readonly tailShare: number;
}

/** Leading k singular triples of A [n, m]. */
export interface TruncatedSvd {
  /** U [n, k], orthonormal columns. */
  readonly left: Dense;
  /** Largest first [k]; none is larger than the true one by more than rounding. */
  readonly sigma: Float64Array;
  /** V [m, k], orthonormal columns. */
  readonly right: Dense;
  /** |A|_F^2. */
  readonly squares: number;
  /**
   * |A - U diag(sigma) V^T|_F^2, taken entry by entry: it is known down to about 1e-30 |A|_F^2. Of the first j triples
   * alone it is this and the squares of the other sigma.
   */
  readonly tailSquared: number;
  /** Larger of |A v - sigma u| and |A^T u - sigma v| of each triple [k]. */
  readonly residuals: Float64Array;
  readonly iterations: number;
  /** False if maxIterations ended it before the certificate stopped falling. */
  readonly converged: boolean;
}

/** Most columns of a basis before a restart. */
const MOST_COLUMNS = 640;

/**
 * @param count k, a whole number from 1 to min(n, m); from a quarter of that on, the whole decomposition is taken
 * @throws SvdError if an entry is not finite
 * @throws RangeError if there are no `count` triples
 */
export function truncatedSvd(a: Dense, count: number, options: TruncatedSvdOptions = {}): TruncatedSvd {
  const most = Math.min(a.rows, a.cols);
  if (!(Number.isInteger(count) && count >= 1 && count <= most))
    throw new RangeError(`${count} singular triples of a ${a.rows} x ${a.cols} matrix: from 1 to ${most}`);
  const unit = unitOf(a);
  const matrix = unit === 1 ? a : scaled(a, 1 / unit);
  const triples =
    4 * count > most || most <= 256
      ? { ...leadingOf(svd(matrix), count), iterations: 0, converged: true }
      : iterate(matrix, count, options);
  const { left, sigma, right } = triples;
  return {
    ...triples,
    sigma: sigma.map((s) => s * unit),
    squares: squaresOf(matrix) * unit * unit,
    tailSquared: leftOf(matrix, triples) * unit * unit,
    residuals: residualsOf(matrix, { left, sigma, right }).map((residual) => residual * unit),
  };
}

/**
 * The most by which the squares of the first `count` singular values exceed those of the triples, whose sigma are
 * Rayleigh-Ritz values; Infinity where no gap behind them is seen. With c the square of the largest singular value beyond
 * j triples of residuals R, sum_(i <= j) sigma_i^2 is at most that of the triples and
 * |R diag(sigma)|_F^2 / (sigma_j^2 - c), and none of its terms is negative: any j >= count bounds those of `count`. c is
 * taken from triple j + 1 and its residual.
 */
export function squaresMissed(
  { sigma, residuals }: Pick<TruncatedSvd, 'sigma' | 'residuals'>,
  count: number,
): number {
  let [least, weighted] = [Infinity, 0];
  for (let j = 1; j < sigma.length; j++) {
    weighted += (residuals[j - 1]! * sigma[j - 1]!) ** 2;
    const gap = sigma[j - 1]! ** 2 - (sigma[j]! + residuals[j]!) ** 2;
    if (j >= count && gap > 0) least = Math.min(least, weighted / gap);
  }
  return least;
}

/** A V = U T, with orthonormal U [n, d] and V [m, d] and square T [d, d]. */
interface Projection {
  u: Dense;
  v: Dense;
  t: Dense;
}

function iterate(
  a: Dense,
  count: number,
  { seed = 0, tolerance = 1e-6, maxIterations = 100, onProgress }: TruncatedSvdOptions,
): Triples & { iterations: number; converged: boolean } {
  const block = Math.min(64, Math.max(16, Math.ceil(count / 2)));
  const cap = Math.min(MOST_COLUMNS + 2 * count, Math.min(a.rows, a.cols) - block);
  const squares = squaresOf(a);
  const random = (rows: number, cols: number) => (trial: number) =>
    dense(rows, cols, normals(rows * cols, { seed, rank: count, trial }, 'mixing'));
  const [randomLeft, randomRight] = [random(a.rows, block), random(a.cols, block)];
  let basis: Projection = { u: dense(a.rows, 0), v: dense(a.cols, 0), t: dense(0, 0) };
  let next = orthonormalizedAgainst(basis.v, randomRight(0), randomRight).q;
  let before = Infinity;
  for (let iteration = 1; ; iteration++) {
    const { q, onto, r } = orthonormalizedAgainst(basis.u, multiply(a, next), randomLeft);
    basis = { u: beside(basis.u, q), v: beside(basis.v, next), t: grown(basis.t, onto, r) };
    if (basis.t.rows >= count) {
      const leadingSquares = singularValues(basis.t)
        .subarray(0, count)
        .reduce((sum, s) => sum + s * s, 0);
      // Where the difference has lost its digits, the distance itself is taken.
      const isExact = squares - leadingSquares > 1e-8 * squares;
      const tail = isExact ? squares - leadingSquares : leftOf(a, ritz(basis, count));
      onProgress?.({ iteration, tailShare: squares === 0 ? 0 : tail / squares });
      const converged = before - tail <= tolerance * tail || tail <= FLOOR * squares;
      if (converged || iteration >= maxIterations)
        return { ...ritz(basis, count), iterations: iteration, converged };
      before = tail;
    }
    const continued = orthonormalizedAgainst(basis.v, multiplyTransposedLeft(a, q), randomRight);
    if (basis.t.rows + block > cap) basis = restarted(basis, count + block);
    next = continued.q;
  }
}

/** Share of |A|_F^2 that rounding alone leaves. */
const FLOOR = 1e-29;

/** The leading triples of U T V^T. */
function ritz({ u, v, t }: Projection, size: number): Triples {
  const { left, sigma, right } = leadingOf(svd(t), size);
  return { left: multiply(u, left), sigma, right: multiply(v, right) };
}

/** The projection on its leading triples alone: what comes next is orthogonal to them too. */
function restarted(basis: Projection, size: number): Projection {
  const { left, sigma, right } = ritz(basis, size);
  const t = dense(size, size);
  sigma.forEach((s, i) => (t.data[i * size + i] = s));
  return { u: left, v: right, t };
}

/** Rows that are held beside A. */
const PANEL = 256;

/** Rows of A, without a copy. */
const panel = ({ cols, data }: Dense, from: number, rows: number): Dense =>
  dense(rows, cols, data.subarray(from * cols, (from + rows) * cols));

/** Sum of a number of every panel of rows. */
function sumOverPanels(a: Dense, of: (from: number, rows: number) => number): number {
  let total = 0;
  for (let from = 0; from < a.rows; from += PANEL) total += of(from, Math.min(PANEL, a.rows - from));
  return total;
}

const squaresOf = (a: Dense): number =>
  sumOverPanels(a, (from, rows) => panel(a, from, rows).data.reduce((sum, value) => sum + value * value, 0));

/** |A - U diag(sigma) V^T|_F^2. */
function leftOf(a: Dense, { left, sigma, right }: Triples): number {
  const weighted = scaledColumns(left, sigma);
  return sumOverPanels(a, (from, rows) => {
    const product = multiplyTransposedRight(panel(weighted, from, rows), right).data;
    const { data } = panel(a, from, rows);
    return product.reduce((sum, value, at) => sum + (data[at]! - value) ** 2, 0);
  });
}

function residualsOf(a: Dense, { left, sigma, right }: Triples): Float64Array {
  const distances = (product: Dense, vectors: Dense) => {
    const squares = new Float64Array(sigma.length);
    product.data.forEach((value, at) => {
      const j = at % sigma.length;
      squares[j]! += (value - sigma[j]! * vectors.data[at]!) ** 2;
    });
    return squares.map(Math.sqrt);
  };
  const [below, above] = [
    distances(multiply(a, right), left),
    distances(multiplyTransposedLeft(a, left), right),
  ];
  return below.map((value, j) => Math.max(value, above[j]!));
}

/** A power of 2 by which entries are divided, so that their squares stay in range; 1 if they do. */
function unitOf({ data }: Dense): number {
  let largest = 0;
  for (const value of data) {
    if (!Number.isFinite(value)) throw new SvdError(`singular values of a matrix with an entry ${value}`);
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest === 0 || (largest > 1e-100 && largest < 1e100)) return 1;
  return 2 ** Math.max(-1000, Math.floor(Math.log2(largest)));
}

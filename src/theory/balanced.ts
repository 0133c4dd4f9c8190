/**
 * Low-rank approximation from a lambda-balanced initialization, X0^T X0 - Y0^T Y0 = -lambda I: LoRA's path for all times
 * in the spectral frame, E = diag(sigma) [n, m], n and m free. B0 = 0 with A0 A0^T = lambda kA I (orthogonal rows of
 * one length) is such a start. Only 2 x 2 blocks, one a mode, and r x r matrices are ever made.
 */
import {
  dense,
  difference,
  frobeniusNorm,
  identity,
  inner,
  scaled,
  sum,
  transposed,
  type Dense,
} from '../numbers/dense.js';
import { multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import { cholesky, solveLowerTransposed } from '../numbers/symmetric.js';

export interface BalancedInput {
  /** Diagonal of E, [min(n, m)], in any order. */
  readonly sigma: Float64Array;
  readonly n: number;
  readonly m: number;
  /** Coupling s sqrt(kA kB) > 0. */
  readonly c: number;
  /** lambda, of either sign. */
  readonly lambda: number;
  /** U^T B0 / sqrt(kB) [n, r]. */
  readonly x0: Dense;
  /** V^T A0^T / sqrt(kA) [m, r]. */
  readonly y0: Dense;
}

/** Everything takes a finite time t >= 0, and costs O((n + m) r^2) for each of about c (sigma_1 + c |lambda|) t / 4 substeps, counted from the latest time asked for if that is earlier. */
export interface BalancedPath {
  /** X(t) [n, r], Y(t) [m, r] up to one r x r rotation of both, which no Gram or product X Y^T, X X^T, Y Y^T sees. */
  factors(t: number): { x: Dense; y: Dense };
  /** U^T (s B A) V = c X Y^T [n, m]. */
  update(t: number): Dense;
  /** 1/2 |E - s B A|_F^2. */
  loss(t: number): number;
  /**
   * Exponential rate per unit of time at which s B A of a generic start reaches the truncated SVD: the gap between the
   * r-th and the next eigenvalue of F. The loss falls to its end at twice this.
   */
  readonly rate: number;
}

/**
 * The LoRA path from a lambda-balanced start. Derived from the flow: with R = [X; Y], balance turns it into
 * R' = F R - (c^2 / 2) R R^T R, F = [[-a I, c E], [c E^T, a I]], a = c^2 lambda / 2, a matrix Riccati equation for Q = R R^T:
 *   Q(t) = e^{Ft} R0 [I + c^2 R0^T (int_0^t e^{2F tau} dtau) R0]^{-1} R0^T e^{Ft},  s B A = the upper right block of c Q
 * (cf. Braun et al. 2022, Domine et al. 2024). It is applied in substeps short enough for no exponential to grow large.
 *
 * @param tolerance largest |X0^T X0 - Y0^T Y0 + lambda I|_F, relative to |X0^T X0|_F + |Y0^T Y0|_F, let pass; the path
 *   is wrong by about the defect. The default, 1e-6, lets float32 initializations pass.
 * @throws Error when shapes disagree, c is not positive, or the start is not lambda-balanced
 */
export function balancedPath(input: BalancedInput, tolerance = 1e-6): BalancedPath {
  checkShapes(input);
  checkBalance(input, tolerance);
  const { sigma, c } = input;
  const blocks = spectrumOf(input);
  const largest = blocks.mu.reduce((a, b) => Math.max(a, b));
  // A substep may let columns grow apart by e^(2 * 4) before they are made orthogonal again: a relative error of 1e-13.
  // One column has none to grow apart from; its exponential must only stay finite.
  const longest = input.x0.cols === 1 ? 150 : 4;
  const origin = { t: 0, factors: { x: input.x0, y: input.y0 } };
  let latest = origin;
  const factors = (t: number): Factors => {
    const from = t >= latest.t ? latest : origin;
    const steps = Math.max(1, Math.ceil(((t - from.t) * largest) / longest));
    const step = substep(blocks, c, (t - from.t) / steps);
    let now: Factors = from.factors;
    for (let i = 0; i < steps; i++) now = step(now);
    latest = { t, factors: now };
    return now;
  };
  const update = (t: number) => {
    const { x, y } = factors(t);
    return scaled(multiplyTransposedRight(x, y), c);
  };
  return {
    factors,
    update,
    loss: (t) => lossOf(sigma, c, factors(t)),
    rate: rateOf(input, blocks),
  };
}

/** 1/2 |diag(sigma) - c X Y^T|_F^2 by row sums and Gram matrices. */
function lossOf(sigma: Float64Array, c: number, { x, y }: Factors): number {
  const energy = sigma.reduce((sum, s) => sum + s * s, 0);
  let overlap = 0;
  sigma.forEach((s, i) => {
    for (let at = i * x.cols; at < (i + 1) * x.cols; at++) overlap += s * x.data[at]! * y.data[at]!;
  });
  const squares = inner(multiplyTransposedLeft(x, x), multiplyTransposedLeft(y, y));
  return Math.max(0, energy / 2 - c * overlap + (c * c * squares) / 2);
}

interface Factors {
  readonly x: Dense;
  readonly y: Dense;
}

/**
 * F as blocks [[-a, k], [k, a]] on (row i of X, row i of Y), of eigenvalues +-mu; k = 0 in the rows that only the
 * longer of X and Y has.
 */
interface Blocks {
  readonly a: number;
  /** [max(n, m)]. */
  readonly k: Float64Array;
  /** [max(n, m)]. */
  readonly mu: Float64Array;
}

function spectrumOf({ sigma, n, m, c, lambda }: BalancedInput): Blocks {
  const a = (c * c * lambda) / 2;
  const k = new Float64Array(Math.max(n, m));
  k.set(sigma.map((s) => c * s));
  return { a, k, mu: k.map((entry) => Math.hypot(a, entry)) };
}

/** One step of length delta of the matrix Riccati equation: R <- e^{F delta} R L^{-T}, L L^T = I + c^2 R^T J R. */
function substep(blocks: Blocks, c: number, delta: number): (from: Factors) => Factors {
  const { mu } = blocks;
  const ratio = mu.map((v) => (v === 0 ? delta : Math.sinh(v * delta) / v));
  const cosh = mu.map((v) => Math.cosh(v * delta));
  const flow = blockFunction(blocks, cosh, ratio);
  const integral = blockFunction(
    blocks,
    ratio.map((s, i) => s * (cosh[i] ?? 1)),
    ratio.map((s) => s * s),
  );
  return (from) => {
    const gram = scaled(gramProduct(from, integral(from)), c * c);
    const lower = cholesky(sum(gram, identity(gram.rows)));
    if (!lower) throw new Error('the closed form left the range of float64');
    const { x, y } = flow(from);
    return { x: solveLowerTransposed(lower, x), y: solveLowerTransposed(lower, y) };
  };
}

/** Applies even(F) + odd(F) F, given `even` and `odd` (functions of mu^2) on each block, to R = [X; Y]. */
function blockFunction({ a, k }: Blocks, even: Float64Array, odd: Float64Array): (from: Factors) => Factors {
  const applied = (self: Dense, other: Dense, sign: number) => {
    const result = dense(self.rows, self.cols);
    for (let i = 0; i < self.rows; i++) {
      const own = (even[i] ?? 0) + sign * a * (odd[i] ?? 0);
      const cross = (odd[i] ?? 0) * (k[i] ?? 0);
      for (let at = i * self.cols; at < (i + 1) * self.cols; at++)
        result.data[at] = own * self.data[at]! + cross * (other.data[at] ?? 0);
    }
    return result;
  };
  return ({ x, y }) => ({ x: applied(x, y, -1), y: applied(y, x, +1) });
}

/** R^T S [r, r] of two stacked factors whose product is symmetric, symmetric to the last bit. */
function gramProduct(left: Factors, right: Factors): Dense {
  const product = sum(multiplyTransposedLeft(left.x, right.x), multiplyTransposedLeft(left.y, right.y));
  return scaled(sum(product, transposed(product)), 0.5);
}

function rateOf({ sigma, n, m, x0 }: BalancedInput, { a, mu }: Blocks): number {
  const paired = mu.subarray(0, sigma.length);
  const single = new Float64Array(Math.abs(n - m)).fill(n > m ? -a : a);
  const eigenvalues = Float64Array.from([...paired, ...paired.map((v) => -v), ...single])
    .sort()
    .reverse();
  return (eigenvalues[x0.cols - 1] ?? 0) - (eigenvalues[x0.cols] ?? 0);
}

function checkShapes({ sigma, n, m, c, x0, y0 }: BalancedInput): void {
  const fits = sigma.length === Math.min(n, m) && x0.rows === n && y0.rows === m && x0.cols === y0.cols;
  if (!fits) {
    throw new Error(
      `sigma [${sigma.length}], x0 [${x0.rows}, ${x0.cols}] and y0 [${y0.rows}, ${y0.cols}] do not fit n=${n}, m=${m}`,
    );
  }
  if (!(c > 0)) throw new Error(`invalid c: ${c}; must be positive`);
}

function checkBalance({ lambda, x0, y0 }: BalancedInput, tolerance: number): void {
  const [xx, yy] = [multiplyTransposedLeft(x0, x0), multiplyTransposedLeft(y0, y0)];
  const scale = frobeniusNorm(xx) + frobeniusNorm(yy);
  const defect = frobeniusNorm(sum(difference(xx, yy), scaled(identity(xx.rows), lambda)));
  if (!(defect <= tolerance * scale)) {
    throw new Error(
      `not lambda-balanced: |X0^T X0 - Y0^T Y0 + lambda I| = ${defect} at lambda=${lambda}, over ${tolerance} of ${scale}`,
    );
  }
}

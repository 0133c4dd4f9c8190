/**
 * Low-rank approximation from a lambda-balanced initialization, X0^T X0 - Y0^T Y0 = -lambda I: LoRA's path for all
 * times in the spectral frame, E = diag(sigma) [n, m], n and m free. B0 = 0 with A0 A0^T = lambda kA I (orthogonal rows
 * of one length) is such a start. Only 2 x 2 blocks, one a mode, and r x r matrices are ever made.
 */
import { scaled, type Dense } from '../numbers/dense.js';
import { multiplyTransposedRight } from '../numbers/products.js';
import { lateRate } from './balancedRate.js';
import { balancedState, modesOf, type BalancedInput } from './balancedState.js';
import { norm } from '../numbers/norm.js';
import { gramByRows } from './smallMatrices.js';

export type { BalancedInput };

/** Everything takes a time t in [0, Infinity] and costs O((n + m) r^2), whatever t is. */
export interface BalancedPath {
  /** X(t) [n, r], Y(t) [m, r] up to one r x r rotation of both, which no Gram or product X Y^T, X X^T, Y Y^T sees. */
  factors(t: number): { x: Dense; y: Dense };
  /** U^T (s B A) V = c X Y^T [n, m]. */
  update(t: number): Dense;
  /**
   * 1/2 |E - s B A|_F^2, to full relative accuracy however small it is (at a start that is near its end,
   * to 1e-31 f(W0)).
   */
  loss(t: number): number;
  /**
   * Exponential rate per unit of time at which s B A reaches its end from this start; 0 if it is slower than any
   * exponential, or does not move. The excess of the loss falls at twice this.
   */
  readonly rate: number;
}

/**
 * The LoRA path from a lambda-balanced start. Derived from the flow: with R = [X; Y], balance turns it into
 * R' = F R - (c^2 / 2) R R^T R, F = [[-a I, c E], [c E^T, a I]], a = c^2 lambda / 2, a matrix Riccati equation for
 * Q = R R^T:
 *   Q(t) = e^{Ft} R0 [I + c^2 R0^T (int_0^t e^{2F tau} dtau) R0]^{-1} R0^T e^{Ft},
 *   s B A = the upper right block of c Q
 * (cf. Braun et al. 2022, Domine et al. 2024). It is evaluated in the eigenvectors of F (dominantSubspace.ts).
 *
 * @param tolerance largest |X0^T X0 - Y0^T Y0 + lambda I|_F, relative to |X0^T X0|_F + |Y0^T Y0|_F, let pass; the path
 *   is wrong by about the defect. The default, 1e-6, lets float32 initializations pass.
 * @throws Error when shapes disagree, c is not positive, or the start is not lambda-balanced
 */
export function balancedPath(input: BalancedInput, tolerance = 1e-6): BalancedPath {
  checkShapes(input);
  checkBalance(input, tolerance);
  const start = modesOf(input);
  const state = (t: number) => balancedState(start, Math.min(t, Number.MAX_VALUE));
  const factors = (t: number) => (t === 0 ? { x: input.x0, y: input.y0 } : state(t).factors());
  return {
    factors,
    update(t) {
      const { x, y } = factors(t);
      return scaled(multiplyTransposedRight(x, y), input.c ?? 1);
    },
    loss: (t) => state(t).loss(),
    get rate() {
      return lateRate(start);
    },
  };
}

function checkShapes({ sigma, n, m, c = 1, x0, y0 }: BalancedInput): void {
  const fits = sigma.length === Math.min(n, m) && x0.rows === n && y0.rows === m && x0.cols === y0.cols;
  if (!fits) {
    throw new Error(
      `sigma [${sigma.length}], x0 [${x0.rows}, ${x0.cols}] and y0 [${y0.rows}, ${y0.cols}] do not fit n=${n}, m=${m}`,
    );
  }
  if (!(c > 0)) throw new Error(`invalid c: ${c}; must be positive`);
}

function checkBalance({ lambda, x0, y0 }: BalancedInput, tolerance: number): void {
  const [xx, yy] = [gramByRows(x0.data, x0.cols), gramByRows(y0.data, y0.cols)];
  const scale = norm(xx) + norm(yy);
  const defect = norm(xx.map((value, at) => value - yy[at]! + (at % (x0.cols + 1) === 0 ? lambda : 0)));
  if (!(defect <= tolerance * scale)) {
    throw new Error(
      `not lambda-balanced: |X0^T X0 - Y0^T Y0 + lambda I| = ${defect} at lambda=${lambda}, over ${tolerance} of ${scale}`,
    );
  }
}

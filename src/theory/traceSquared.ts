/**
 * The trace-squared loss f(W) = 1/2 (tr W)^2, n = m: the whole LoRA path from any initialization, its end, and how
 * far that end lies from full fine-tuning's. Factors X, Y [n, r] of the coupling c (coupling.ts).
 */
import { difference, inner, scaled, sum, type Dense } from '../numbers/dense.js';
import { multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import type { Coupling } from './coupling.js';
import { riccati } from './riccati.js';

export interface TraceSquaredInput extends Coupling {
  /** tr W0, the trace of the frozen weights (not of W0 + s B0 A0). */
  readonly trace0: number;
  /** X at the start [n, r]. */
  readonly x0: Dense;
  /** Y at the start [n, r]. */
  readonly y0: Dense;
}

/** Everything takes a time t in [0, Infinity]; t = Infinity gives the end of the path. */
export interface TraceSquaredPath {
  /** tr W(t), to full relative accuracy however small it is. */
  trace(t: number): number;
  /** 1/2 (tr W(t))^2. */
  loss(t: number): number;
  /** X(t), Y(t), both [n, r]. */
  factors(t: number): { x: Dense; y: Dense };
  /** s B A = c X Y^T [n, n]. */
  update(t: number): Dense;
  /** Exponential rate of the trace per unit of time; the loss falls at twice this. */
  readonly rate: number;
}

/**
 * The LoRA path on the trace-squared loss, from any X0, Y0; the flow is Rushka & Klabjan's (arXiv 2602.10212).
 * Derived from the flow: X' = -c p Y, Y' = -c p X with p = tr W make X +- Y grow and decay by one common factor
 * e^{-+u}, and z = e^{2u} solves the Riccati equation with q = tr W0, beta = c |X0 + Y0|^2 / 4,
 * gamma = c |X0 - Y0|^2 / 4; p = q + beta / z - gamma z. The trace goes to 0, except from two saddles' stable sets,
 * where X and Y die out and the trace goes to tr W0: X0 = Y0 with tr W0 >= 0, and X0 = -Y0 with tr W0 <= 0.
 *
 * @throws Error when x0 and y0 differ in shape or c is not positive
 */
export function traceSquaredPath({ trace0, c = 1, x0, y0 }: TraceSquaredInput): TraceSquaredPath {
  if (x0.rows !== y0.rows || x0.cols !== y0.cols) {
    throw new Error(`x0 [${x0.rows}, ${x0.cols}] and y0 [${y0.rows}, ${y0.cols}] must have one shape`);
  }
  const plus = scaled(sum(x0, y0), 0.5);
  const minus = scaled(difference(x0, y0), 0.5);
  const z = riccati({
    ...{ c, q: trace0, beta: c * inner(plus, plus), gamma: c * inner(minus, minus) },
    residual0: trace0 + c * inner(x0, y0),
  });
  const factors = (t: number) => {
    const growth = Math.sqrt(z.at(t));
    const shrunk = scaled(plus, 1 / growth);
    const grown = scaled(minus, growth);
    return { x: sum(shrunk, grown), y: difference(shrunk, grown) };
  };
  return {
    trace: (t) => z.residual(t),
    loss: (t) => z.residual(t) ** 2 / 2,
    factors,
    update: (t) => {
      const { x, y } = factors(t);
      return scaled(multiplyTransposedRight(x, y), c);
    },
    rate: z.rate,
  };
}

/**
 * Exponential rate 2D of the trace per unit of normalized time (c = 1) from a start with tr(X0 Y0^T) = 0, of which only
 * the squares |X0|_F^2 and |Y0|_F^2 matter: D = sqrt((tr W0)^2 + (|X0|^2 + |Y0|^2)^2 / 4).
 */
export const traceSquaredRate = (trace0: number, { x, y }: { x: number; y: number }): number =>
  2 * Math.hypot(trace0, (x + y) / 2);

/**
 * tr W(t) = tr W0 e^{-nt} of full fine-tuning, dW/dt = -(tr W) I; W(t) - W0 is (trace(t) - tr W0) / n times I.
 * (Rushka & Klabjan 2026 compare LoRA with this.)
 */
export function traceSquaredFullTrace(trace0: number, n: number, t: number): number {
  return trace0 * Math.exp(-n * t);
}

/**
 * The update s B A [n, n] that LoRA from B0 = 0 and a non-zero A0 [r, n] ends on: -tr W0 A0^T A0 / |A0|_F^2, whatever
 * s, kA and kB (derived from the flow: z -> z+ in `traceSquaredPath`).
 *
 * @throws Error when A0 is zero
 */
export function traceSquaredFinalUpdate(trace0: number, a0: Dense): Dense {
  const norm = inner(a0, a0);
  if (norm === 0) throw new Error('A0 is zero, and with B0 = 0 the flow does not move');
  return scaled(multiplyTransposedLeft(a0, a0), -trace0 / norm);
}

/**
 * |dW_LoRA - dW_FPFT|_F = |tr W0| sqrt(1/r - 1/n) between the ends of LoRA and full fine-tuning, for B0 = 0 and an A0
 * whose rows are orthogonal and of one length (spectral initialization): the O(r^-1/2) law of Rushka & Klabjan 2026.
 */
export function spectralGap(trace0: number, n: number, rank: number): number {
  checkRank(n, rank);
  return Math.abs(trace0) * Math.sqrt(1 / rank - 1 / n);
}

/**
 * E |dW_LoRA - dW_FPFT|_F^2 = (tr W0)^2 ((n + r + 1) / (n r + 2) - 1/n) between the ends of LoRA and full
 * fine-tuning, for B0 = 0 and A0 [r, n] i.i.d. N(0, v), any v; exact for every n and r (derived from the end point:
 * the expectation of |A0 A0^T|_F^2 / |A0|_F^4 over a uniform direction). It is the mean SQUARE distance.
 */
export function gaussianGapSquared(trace0: number, n: number, rank: number): number {
  checkRank(n, rank);
  return trace0 ** 2 * ((n + rank + 1) / (n * rank + 2) - 1 / n);
}

function checkRank(n: number, rank: number): void {
  if (!(Number.isInteger(rank) && rank >= 1 && rank <= n)) throw new Error(`invalid rank: ${rank} of ${n}`);
}

/**
 * Low-rank approximation, f(W) = 1/2 |W - M|_F^2 with E = M - W0, in the spectral frame: E = diag(sigma) [n, m]. Its
 * optimum, full fine-tuning's path, and LoRA's path from the aligned initializations, where modes decouple (the
 * lambda-balanced ones are in balanced.ts). Factors X [n, r] and Y [m, r] of the coupling c (coupling.ts).
 */
import type { Coupling } from './coupling.js';
import { riccati, type RiccatiSolution } from './riccati.js';

/** One number per mode. */
export type PerMode = ArrayLike<number>;

/**
 * The least loss over updates of the given rank, 1/2 sum_{i > rank} sigma_i^2, and the relative error
 * |E - E_rank|_F / |E|_F of the truncated SVD that attains it (Eckart-Young-Mirsky; the end of aligned LoRA in Rushka &
 * Klabjan 2026). `sigma` may come in any order; squares are summed smallest first. The error of a zero E is 0.
 *
 * @throws Error when rank is not a non-negative integer
 */
export function eckartYoungMirsky(
  sigma: Float64Array,
  rank: number,
): { loss: number; relativeError: number } {
  if (!(Number.isInteger(rank) && rank >= 0)) throw new Error(`invalid rank: ${rank}`);
  const squares = sigma.map((s) => s * s).sort();
  const sum = (values: Float64Array) => values.reduce((total, v) => total + v, 0);
  const tail = sum(squares.subarray(0, Math.max(squares.length - rank, 0)));
  return { loss: tail / 2, relativeError: tail === 0 ? 0 : Math.sqrt(tail / sum(squares)) };
}

/** Diagonal of the update W(t) - W0 = (1 - e^{-t}) E of full fine-tuning, dW/dt = -(W - M), [modes]. */
export function frobeniusFullUpdate(sigma: PerMode, t: number): Float64Array {
  return Float64Array.from(sigma, (s) => -Math.expm1(-t) * s);
}

/** Loss 1/2 e^{-2t} |E|_F^2 of full fine-tuning at time t. */
export function frobeniusFullLoss(sigma: PerMode, t: number): number {
  return halfSquares(sigma) * Math.exp(-2 * t);
}

export interface AlignedInput extends Coupling {
  /** Diagonal of E, [modes]; all min(n, m) of them, if `loss` is to be the whole loss. */
  readonly sigma: PerMode;
  /** Entry of X0 on each mode, [modes]; 0 on a mode without a column of its own. */
  readonly x0: PerMode;
  /** Entry of Y0 on each mode, [modes]; 0 on a mode without a column of its own. */
  readonly y0: PerMode;
}

/** Everything takes a time t in [0, Infinity]; t = Infinity gives the end of the path. */
export interface AlignedPath {
  /** c x y of each mode, the diagonal of s B A, [modes]. */
  product(t: number): Float64Array;
  /** sigma - c x y of each mode, to full relative accuracy however small it is, [modes]. */
  residual(t: number): Float64Array;
  /** Loss of each mode, 1/2 (sigma - c x y)^2, [modes]. */
  lossParts(t: number): Float64Array;
  /** Sum of the loss parts. */
  loss(t: number): number;
  /**
   * Exponential rate at which each mode's c x y reaches its end, per unit of time, [modes]: 0 if slower than any
   * exponential, or at rest. Where that end is sigma, the mode's loss falls at twice this.
   */
  readonly rates: Float64Array;
  /** The smallest rate of a mode that moves; 0 if none does. */
  readonly rate: number;
  /** The modes S on which the path ends: those whose c x y goes to a sigma that is not 0. */
  readonly support: readonly number[];
}

/**
 * The LoRA path from B0, A0 that are diagonal in the frame (one column of the adapter for each moving mode; B0 = 0
 * with rows of A0 along right singular vectors is Rushka & Klabjan's case). Derived from the flow: in each mode
 * x' = c (sigma - c x y) y, y' = c (sigma - c x y) x make x +- y grow and decay by e^{+-u}, and z = e^{2u} solves the
 * Riccati equation with q = sigma, beta = c (x0 - y0)^2 / 4, gamma = c (x0 + y0)^2 / 4;
 * sigma - c x y = q + beta / z - gamma z.
 *
 * @throws Error when sigma, x0 and y0 differ in length or c is not positive
 */
export function alignedPath({ sigma, c = 1, x0, y0 }: AlignedInput): AlignedPath {
  if (x0.length !== sigma.length || y0.length !== sigma.length) {
    throw new Error(`one entry a mode: sigma ${sigma.length}, x0 ${x0.length}, y0 ${y0.length}`);
  }
  const modes = Array.from(sigma, (s, i) => alignedMode(s, c, x0[i] ?? 0, y0[i] ?? 0));
  const perMode = (f: (mode: AlignedMode) => number) => Float64Array.from(modes, f);
  const residual = (t: number) => perMode(({ z }) => z.residual(t));
  const moving = modes.filter(({ z, beta, gamma }) => beta + gamma > 0 && z.residual(0) !== 0);
  return {
    product: (t) => perMode((mode) => productOf(mode, t)),
    residual,
    lossParts: (t) => residual(t).map((d) => (d * d) / 2),
    loss: (t) => halfSquares(residual(t)),
    rates: perMode(({ z, beta, gamma }) => (beta === 0 && gamma === 0 ? 0 : z.rate)),
    rate: moving.reduce((least, { z }) => Math.min(least, z.rate), moving.length > 0 ? Infinity : 0),
    support: modes.flatMap(({ sigma: s, beta, gamma }, i) =>
      (s > 0 ? gamma : s < 0 ? beta : 0) > 0 ? [i] : [],
    ),
  };
}

/**
 * Whether the update that equals E on the modes of `support` and 0 elsewhere, a stationary point of the rank-r flow, is
 * a saddle: some mode outside is larger than one inside, or is not zero while a column is to spare. An aligned start
 * on `support` ends there all the same; what is not aligned leaves it.
 *
 * @throws Error when support has more modes than rank
 */
export function isSaddle(sigma: PerMode, support: readonly number[], rank: number): boolean {
  if (support.length > rank) throw new Error(`${support.length} modes are beyond rank ${rank}`);
  const inside = new Set(support);
  const sizes = Array.from(sigma, Math.abs);
  const threshold = support.length < rank ? 0 : Math.min(...sizes.filter((_, i) => inside.has(i)));
  return sizes.some((size, i) => !inside.has(i) && size > threshold);
}

/** A mode's view of the saddle. */
export interface SaddleInput extends Coupling {
  /** sigma_k >= 0 of a row k that the saddle leaves out, 0 for a row without a singular value. */
  readonly outside: number;
  /** sigma_j >= 0 of the mode on which column j sits. */
  readonly inside: number;
  /** x_j^2 - y_j^2 of that column, which the flow conserves. */
  readonly imbalance: number;
}

/**
 * Exponential rate, per unit of time, at which a small entry (x, y) of row k in column j grows near the saddle, where
 * c x_j y_j = sigma_j; negative where sigma_k < sigma_j. Derived from the flow: to first order
 * x' = c sigma_k y - c^2 y_j^2 x, y' = c sigma_k x - c^2 x_j^2 y, whose larger eigenvalue, with
 * d = c^2 (x_j^2 - y_j^2) / 2 and c^2 (x_j^2 + y_j^2) = 2 sqrt(c^2 sigma_j^2 + d^2), is
 * sqrt(c^2 sigma_k^2 + d^2) - sqrt(c^2 sigma_j^2 + d^2).
 */
export function saddleEscapeRate({ outside, inside, c = 1, imbalance }: SaddleInput): number {
  const d = (c * c * imbalance) / 2;
  return Math.hypot(c * outside, d) - Math.hypot(c * inside, d);
}

interface AlignedMode {
  readonly sigma: number;
  readonly beta: number;
  readonly gamma: number;
  readonly z: RiccatiSolution;
}

function alignedMode(sigma: number, c: number, x0: number, y0: number): AlignedMode {
  const beta = (c * (x0 - y0) ** 2) / 4;
  const gamma = (c * (x0 + y0) ** 2) / 4;
  return { sigma, beta, gamma, z: riccati({ c, q: sigma, beta, gamma, residual0: sigma - c * x0 * y0 }) };
}

/** c x y, by the form whose terms are smaller. */
function productOf({ sigma, beta, gamma, z }: AlignedMode, t: number): number {
  if (beta + gamma < Math.abs(sigma)) return gamma * z.at(t) - beta / z.at(t);
  return sigma - z.residual(t);
}

function halfSquares(values: PerMode): number {
  return Array.from(values).reduce((sum, v) => sum + (v * v) / 2, 0);
}

/**
 * The flows that divide gradients by Gram matrices, on the low-rank approximation and without damping: scaled (ScaledGD;
 * Tong, Ma & Chi 2021), dB = -kB gB (A A^T)^-1, dA = -kA (B^T B)^-1 gA, under which W moves by itself,
 * dW = -s^2 (kB G P_A + kA P_B G); and projected (dynamical low-rank approximation; Koch & Lubich 2007),
 * dW = -(G P_A + P_B G - P_B G P_A). Closed forms derived from these.
 */
import type { PerMode } from '../frobenius.js';
import { modesPath, still, type ModesPath } from './modes.js';

export interface PreconditionedInput {
  /** Diagonal of E, [modes]. */
  readonly sigma: PerMode;
  /** s b a of each mode at the start, the diagonal of s B0 A0, [modes]. */
  readonly product0: PerMode;
  /** Whether a mode has a column of its own, without which it stays at 0, [modes] (default: where s b a is not 0). */
  readonly present?: readonly boolean[];
  /** Rate of W per unit of time: s^2 (kA + kB) of the scaled flow, 1 of the projected one. */
  readonly speed: number;
  /** Decoupled weight decays of B and A, added up, per unit of time (default: 0). */
  readonly decay?: number;
}

/**
 * The path from aligned factors: every mode has w = end + (w0 - end) e^(-(speed + decay) t), end = sigma without decay,
 * else speed sigma / (speed + decay), at one rate whatever sigma is. Under the projected flow as full fine-tuning.
 */
export function preconditionedPath(input: PreconditionedInput): ModesPath {
  const { sigma, product0, present, speed, decay = 0 } = input;
  const rate = speed + decay;
  const modes = Array.from(sigma, (s, i) => {
    const start = product0[i] ?? 0;
    if (!(present ? present[i] : start !== 0)) return still(0);
    const end = (speed * s) / rate;
    return { product: (t: number) => end + (start - end) * Math.exp(-rate * t), rate };
  });
  return modesPath(sigma, modes)!;
}

export interface PreconditionedRateInput {
  /** Singular values of E [min(n, m)], largest first. */
  readonly sigma: PerMode;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  /** s^2 kB and s^2 kA of the scaled flow; 1 and 1 of the projected one. */
  readonly speeds: readonly [b: number, a: number];
  readonly projected: boolean;
}

/**
 * Exponential rate per unit of time at which W approaches the truncated decomposition of E from a generic start, where
 * sigma_r > 0. A direction outside of singular value sigma_k = q sigma_j turns u = x_k / x_j and v = y_k / y_j towards it
 * by u' = -speed_b (u - q v), v' = -speed_a (v - q u): with equal speeds 1 - q times these, slowest for
 * q = sigma_(r+1) / sigma_r. Inside, W moves at the sum of the speeds (projected: 1).
 */
export function preconditionedRate(input: PreconditionedRateInput): number | null {
  const { sigma, n, m, rank, speeds, projected } = input;
  const last = sigma[rank - 1];
  if (!(last! > 0)) return null;
  const [b, a] = speeds;
  const rates = [projected ? 1 : a + b];
  if (rank < sigma.length) {
    const q = sigma[rank]! / last!;
    rates.push((a + b - Math.sqrt((a - b) ** 2 + 4 * a * b * q * q)) / 2);
  } else if (n > rank) rates.push(b);
  else if (m > rank) rates.push(a);
  return Math.min(...rates);
}

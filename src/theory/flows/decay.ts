/**
 * The gradient flow of the low-rank approximation under weight decay mu, decoupled (dB = -kB gB - mu B, dA alike) or
 * coupled (dB = -kB (gB + mu B)): it ends on the soft threshold of E. Derived from the flow: in factors of the coupling
 * c (coupling.ts) with decays wX and wY it descends f + (wX |X|^2 + wY |Y|^2) / (2 c), whose least value over factors of
 * one product is that of f + (sqrt(wX wY) / c) |X Y^T|_*, the nuclear norm.
 */
import type { Coupling } from '../coupling.js';
import type { PerMode } from '../frobenius.js';
import { modesPath, still, type ModesPath } from './modes.js';

export interface SoftThreshold {
  /** Singular values (sigma_i - threshold)_+ of the end, i <= rank, largest first [min(rank, modes)]. */
  readonly singularValues: Float64Array;
  /** 1/2 |end - E|_F^2. */
  readonly loss: number;
}

/**
 * The end of the flow at a rank, sum_{i <= rank} (sigma_i - threshold)_+ u_i v_i^T: its rank is at most the number of
 * singular values above the threshold, whatever the adapter's is. The threshold is mu / (s sqrt(kA kB)) where decay is
 * decoupled, mu / s where it is coupled.
 * @param sigma singular values of E, largest first
 */
export function softThreshold(sigma: PerMode, rank: number, threshold: number): SoftThreshold {
  const kept = Float64Array.from({ length: Math.min(rank, sigma.length) }, (_, i) =>
    Math.max(0, sigma[i]! - threshold),
  );
  let loss = 0;
  for (let i = sigma.length - 1; i >= 0; i--) loss += (sigma[i]! - (kept[i] ?? 0)) ** 2 / 2;
  return { singularValues: kept, loss };
}

export interface DecayInput extends Coupling {
  /** Diagonal of E, [modes]. */
  readonly sigma: PerMode;
  /** Equal entries of X0 and Y0 on each mode, [modes]: balanced factors, which decay keeps so. */
  readonly size0: PerMode;
  /** Decay mu of both factors per unit of time of the coupling. */
  readonly decay: number;
}

/**
 * The path from balanced aligned factors, X0 = Y0 diagonal: every mode is logistic,
 * p' = 2 c p (theta - p) with theta = sigma - mu / c, so that p goes to theta_+ at the rate 2 |c sigma - mu|.
 */
export function decayPath({ sigma, c = 1, size0, decay }: DecayInput): ModesPath {
  const modes = Array.from(sigma, (s, i) => {
    const p0 = c * (size0[i] ?? 0) ** 2;
    if (p0 === 0) return still(0);
    const theta = s - decay / c;
    return { product: (t: number) => logistic(p0, theta, 2 * c * t), rate: 2 * c * Math.abs(theta) };
  });
  return modesPath(sigma, modes)!;
}

/** The solution of p' = p (theta - p) from p0 > 0 at time t in [0, Infinity]; no term overflows. */
function logistic(p0: number, theta: number, t: number): number {
  if (theta === 0) return p0 / (1 + p0 * t);
  const grown = Math.exp(-Math.abs(theta) * t);
  return theta > 0
    ? (theta * p0) / (p0 - (p0 - theta) * grown)
    : (theta * p0 * grown) / (p0 * grown - (p0 - theta));
}

/**
 * B^T B / kB - A A^T / kA under decoupled decay mu, over what it was: e^(-2 mu t). The gradient flow, mu = 0, conserves it.
 */
export const imbalanceLeft = (decay: number, t: number): number => Math.exp(-2 * decay * t);

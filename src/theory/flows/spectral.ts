/**
 * The spectral flow (Muon's) on the low-rank approximation, dB = -kB polar(gB), dA = -kA polar(gA), from aligned factors
 * with no entry below 0. Derived from the flow: polar makes every mode of a factor move at the same speed, so that
 * w = s (b0 + kB t)(a0 + kA t) until it arrives at its sigma, small ones first, the reverse of the gradient flow.
 */
import type { PerMode } from '../frobenius.js';
import { modesPath, still, type ModePath, type ModesPath } from './modes.js';

export interface SpectralFlowInput {
  /** Diagonal of E, [modes]. */
  readonly sigma: PerMode;
  /** Entries of plain factors X = sqrt(s) B and Y = sqrt(s) A^T at the start, [modes]. */
  readonly x0: PerMode;
  readonly y0: PerMode;
  /** Their speeds sqrt(s) kB and sqrt(s) kA per unit of time. */
  readonly speeds: readonly [x: number, y: number];
}

export interface SpectralFlowPath extends ModesPath {
  /** When each mode arrives at sigma, [modes]; Infinity of one that does not move. */
  readonly arrivals: Float64Array;
}

/**
 * The path, or null where a mode starts with an entry below 0 or beyond its sigma. A mode that has arrived stays: after
 * it the right-hand side jumps, and what is simulated in steps of h stays within about h of it.
 */
export function spectralFlowPath({
  sigma,
  x0,
  y0,
  speeds: [u, v],
}: SpectralFlowInput): SpectralFlowPath | null {
  const arrivals = new Float64Array(sigma.length).fill(Infinity);
  const modes = Array.from(sigma, (s, i): ModePath | null => {
    const [x, y] = [x0[i] ?? 0, y0[i] ?? 0];
    if (x === 0 && y === 0) return still(0);
    if (x < 0 || y < 0 || x * y > s) return null;
    const arrival = arrivalTime(u * v, u * y + v * x, s - x * y);
    arrivals[i] = arrival;
    return { product: (t) => (t < arrival ? (x + u * t) * (y + v * t) : s), rate: Infinity };
  });
  const path = modesPath(sigma, modes);
  return path && { ...path, arrivals };
}

/** The time t >= 0 at which a t^2 + b t = c, for a, b, c >= 0, without cancellation. */
const arrivalTime = (a: number, b: number, c: number): number =>
  c === 0 ? 0 : (2 * c) / (b + Math.sqrt(b * b + 4 * a * c));

/**
 * The spiked model: a target E = M - W0 [n, m] of small rank that training sees through noise, M^ = M + tau Z with Z
 * i.i.d. N(0, 1/m), as n and m grow. What a rank q that is fully learned, the truncated SVD of M^ - W0, risks against
 * the clean target: |W - M|_F^2. Benaych-Georges & Nadakuditi 2012, J. Multivariate Anal. 111, 120.
 */
import type { PerMode } from './frobenius.js';
import { marchenkoPasturEdge, marchenkoPasturQuantile } from './marchenkoPastur.js';

export interface SpikedInput {
  /** Singular values of E, in any order; zeros and what is beyond min(n, m) count for nothing. */
  readonly sigma: PerMode;
  /** Noise level tau > 0: E |tau Z|_F^2 = tau^2 n. */
  readonly tau: number;
  /** Rows of W. */
  readonly n: number;
  /** Columns of W. */
  readonly m: number;
}

/** A direction of the clean target, as the noisy one shows it. */
export interface Spike {
  /** Its singular value sigma_i. */
  readonly sigma: number;
  /** Whether it stands out of the noise: sigma_i > tau beta^(1/4), beta = n/m. */
  readonly seen: boolean;
  /** The singular value y_i of M^ - W0 that it makes; the edge of the noise if it is not seen. */
  readonly value: number;
  /** Squared overlap (u_i^T u^_i)^2 of the left singular vectors, of unit length; 0 if it is not seen. */
  readonly left: number;
  /** Squared overlap (v_i^T v^_i)^2 of the right ones. */
  readonly right: number;
}

export interface SpikedModel {
  /** Largest singular value of the noise, tau (1 + sqrt(beta)). */
  readonly edge: number;
  /** Singular value tau beta^(1/4) of E up to which a direction drowns. */
  readonly threshold: number;
  /** The directions of E with sigma_i > 0, largest first. */
  readonly spikes: readonly Spike[];
  /** Risk |W0 - M|_F^2 of no update at all, sum_i sigma_i^2. */
  readonly initialRisk: number;
  /** The rank, 0 among them, of the least risk; no more than the spikes that are seen. */
  readonly bestRank: number;
  /** The first `rank` singular values of M^ - W0: those of the spikes that are seen, then of the noise. */
  singularValues(rank: number): Float64Array;
  /** Risk of the first `rank` components of M^ - W0, all fully learned, rank in 0 ... min(n, m). */
  risk(rank: number): number;
}

/**
 * With theta_i = sigma_i / tau and beta = n/m, sigma_i is seen iff
 * theta_i > beta^(1/4), at y_i = tau sqrt((1 + theta^2)(beta + theta^2)) / theta, with squared overlaps
 * 1 - beta (1 + theta^2) / (theta^2 (theta^2 + beta)) and 1 - (beta + theta^2) / (theta^2 (theta^2 + 1)); the risk is
 * sum_i sigma_i^2 + sum_{i <= q} (y_i^2 - 2 y_i sigma_i sqrt(left_i right_i)). The j-th value behind the spikes that
 * are seen is the Marchenko-Pastur quantile of the share (j - 1/2) / (min(n, m) - seen), and aligned with nothing.
 * Equal sigma_i share a plane, of which risk and singular values are the same and the overlaps an average.
 *
 * @throws Error when tau, n or m is not positive, or sigma is negative or not finite
 */
export function spikedModel({ sigma, tau, n, m }: SpikedInput): SpikedModel {
  if (!(tau > 0 && Number.isFinite(tau))) throw new Error(`invalid noise level: ${tau}`);
  if (!(n > 0 && m > 0)) throw new Error(`invalid shape: [${n}, ${m}]`);
  const all = Float64Array.from(sigma).sort().reverse();
  const wrong = all.find((s) => !(s >= 0 && Number.isFinite(s)));
  if (wrong !== undefined) throw new Error(`invalid singular value: ${wrong}`);
  const beta = n / m;
  const most = Math.min(n, m);
  const edge = tau * marchenkoPasturEdge(beta);
  const threshold = tau * beta ** 0.25;
  const directions = all.subarray(0, most).filter((s) => s > 0);
  const spikes = Array.from(directions, (s) => spikeOf(s, tau, beta, edge));
  const seen = spikes.filter((spike) => spike.seen);
  const values = (rank: number): Float64Array => {
    if (!(Number.isInteger(rank) && rank >= 0 && rank <= most)) throw new Error(`invalid rank: ${rank}`);
    const noise = (j: number) => tau * marchenkoPasturQuantile(beta, (j + 0.5) / (most - seen.length));
    return Float64Array.from({ length: rank }, (_, i) => seen[i]?.value ?? noise(i - seen.length));
  };
  const initialRisk = spikes.reduceRight((sum, spike) => sum + spike.sigma ** 2, 0);
  const risk = (rank: number): number =>
    values(rank).reduce((sum, y, i) => sum + priceOf(y, seen[i]), initialRisk);
  const risks = Array.from({ length: seen.length + 1 }, (_, rank) => risk(rank));
  return {
    ...{ edge, threshold, spikes, initialRisk, risk },
    bestRank: risks.indexOf(Math.min(...risks)),
    singularValues: values,
  };
}

function spikeOf(sigma: number, tau: number, beta: number, edge: number): Spike {
  const square = (sigma / tau) ** 2;
  if (square <= Math.sqrt(beta)) return { sigma, seen: false, value: edge, left: 0, right: 0 };
  return {
    sigma,
    seen: true,
    value: tau * Math.sqrt(((1 + square) * (beta + square)) / square),
    left: 1 - (beta * (1 + square)) / (square * (square + beta)),
    right: 1 - (beta + square) / (square * (square + 1)),
  };
}

/** What learning a component of singular value y adds to the risk: negative where it pays. */
const priceOf = (y: number, spike: Spike | undefined): number =>
  y * y - (spike ? 2 * y * spike.sigma * Math.sqrt(spike.left * spike.right) : 0);

/** The spiked model of a target that is given, where its law is one: a target of small rank in noise. */
import type { Shape } from '../problem/source.js';
import { spikedModel, type SpikedModel } from '../theory/spiked.js';

/**
 * Largest rank of the clean M - W0 by the smaller side. The law's relative error is of the order of that ratio: with as
 * many equally spaced directions well above the noise it was at most 2.4 % at 12 of 384, 6 % at 8 of 128.
 */
export const MOST_SPIKES = 1 / 32;

/** The model of singular values sigma of M - W0 under noise; null of those that are too many, or without noise. */
export function spikedLaw(
  sigma: ArrayLike<number>,
  noise: number | null,
  { n, m }: Shape,
): SpikedModel | null {
  if (noise === null || noise === 0) return null;
  const all = Float64Array.from(sigma);
  const rounding = Math.max(n, m) * Number.EPSILON * all.reduce((most, value) => Math.max(most, value), 0);
  const spikes = all.filter((value) => value > rounding);
  return spikes.length <= MOST_SPIKES * Math.min(n, m)
    ? spikedModel({ sigma: spikes, tau: noise, n, m })
    : null;
}

/**
 * Bootstrap over independent units, such as draws of a target whose trials are not independent (Efron & Tibshirani 1993):
 * units are drawn again with replacement, by Philox. The same number of units gives the same resamples, whatever the
 * values, so that several statistics of the same units can be compared resample by resample.
 */
import jstat from 'jstat';
import { uniforms } from './philox.js';

const { jStat } = jstat;

/** Resamples of an interval. */
export const RESAMPLES = 1000;

/** Units beyond which resamples are not made: there the interval is Student's t, from which it no longer differs. */
const MOST_UNITS = 2 ** 14;

let last: { readonly count: number; readonly indices: Uint32Array } | null = null;

/** The units of every resample [resamples, count]. */
function resamples(count: number): Uint32Array {
  if (last?.count !== count)
    last = {
      count,
      indices: Uint32Array.from(
        uniforms(RESAMPLES * count, { seed: 0, rank: 0, trial: 0 }, 'resamples'),
        (u) => u * count,
      ),
    };
  return last.indices;
}

/** Means of the values [units] over each resample [resamples]. */
export function resampledMeans(values: ArrayLike<number>): Float64Array {
  const count = values.length;
  const indices = resamples(count);
  return Float64Array.from({ length: RESAMPLES }, (_, b) => {
    let sum = 0;
    for (let i = b * count; i < (b + 1) * count; i++) sum += values[indices[i]!]!;
    return sum / count;
  });
}

/**
 * Interval of the mean of independent values. The percentiles of the resampled means are taken so far out as makes the
 * interval of normal values as wide as Student's t: Phi(-sqrt(n / (n - 1)) t) (the expanded percentile interval,
 * Hesterberg 2015). With 2 or 3 values that is their whole range, which holds the mean less often than it says; NaN below 2.
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  level = 0.95,
): readonly [low: number, high: number] {
  const count = values.length;
  if (count < 2) return [NaN, NaN];
  const t = jStat.studentt.inv((1 + level) / 2, count - 1);
  if (count > MOST_UNITS) {
    const [mean, sd] = [jStat.mean(values), jStat.stdev(values, true)];
    return [mean - (t * sd) / Math.sqrt(count), mean + (t * sd) / Math.sqrt(count)];
  }
  const tail = jStat.normal.cdf(-Math.sqrt(count / (count - 1)) * t, 0, 1);
  const [low, high] = jStat.quantiles(resampledMeans(values).sort(), [tail, 1 - tail], 1, 1);
  return [low!, high!];
}

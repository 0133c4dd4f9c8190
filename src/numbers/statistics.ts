/** Float64 statistics of a sample, by jStat. */
import jstat from 'jstat';

const { jStat } = jstat;

/** Float64 statistics of the finite values of a sample. `sd` and the interval are NaN below two values. */
export interface Statistic {
  /** Values that the statistics are of. */
  readonly count: number;
  /** Values that they are not of: not finite, of trials that failed, or of trials that have none. */
  readonly leftOut: number;
  readonly mean: number;
  readonly sd: number;
  /** 95 % confidence interval of the mean: Student's t, with `targetCi` at the level of its look (looks.ts). */
  readonly ciLow: number;
  readonly ciHigh: number;
  readonly p05: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
}

/** Statistics of the finite values; the confidence interval is Student's t at the given level. */
export function statistic(values: ArrayLike<number>, level = 0.95): Statistic {
  const finite = retain(new Float64Array(values), Number.isFinite);
  const count = finite.length;
  const leftOut = values.length - count;
  if (count < 2) {
    // jStat's estimators need two values.
    const mean = finite[0] ?? NaN;
    return {
      count,
      leftOut,
      mean,
      sd: NaN,
      ciLow: NaN,
      ciHigh: NaN,
      p05: mean,
      p25: mean,
      p50: mean,
      p75: mean,
      p95: mean,
    };
  }
  const mean = jStat.mean(finite);
  const sd = jStat.stdev(finite, true);
  const [ciLow, ciHigh] = interval(mean, sd, count, level);
  // jStat sorts by a comparison in JavaScript, which numbers that are sorted already cost little.
  finite.sort();
  // Hyndman and Fan's type 7, as in R and NumPy.
  const [p05, p25, p50, p75, p95] = jStat.quantiles(finite, [0.05, 0.25, 0.5, 0.75, 0.95], 1, 1) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { count, leftOut, mean, sd, ciLow, ciHigh, p05, p25, p50, p75, p95 };
}

/** The values that pass, much sooner than `filter` of typed arrays gives them; the array itself is used up. */
function retain(values: Float64Array, passes: (value: number, index: number) => boolean): Float64Array {
  let count = 0;
  values.forEach((value, i) => {
    if (passes(value, i)) values[count++] = value;
  });
  return values.subarray(0, count);
}

function interval(mean: number, sd: number, count: number, level: number): [number, number] {
  const halfWidth = (jStat.studentt.inv((1 + level) / 2, count - 1) * sd) / Math.sqrt(count);
  return [mean - halfWidth, mean + halfWidth];
}

/** (mean - expected) / standard error of the finite values; null below two of them or without spread. */
export function zScore(values: ArrayLike<number>, expected: number): number | null {
  const { count, mean, sd } = statistic(values);
  return count > 1 && sd > 0 ? (mean - expected) / (sd / Math.sqrt(count)) : null;
}

/** Measured orders. */
import jstat from 'jstat';

const { jStat } = jstat;

/** Least-squares slope of log y on log x; `halfWidth` is of its interval at a two-sided level, by Student's t. */
export function logSlope(
  xs: readonly number[],
  ys: readonly number[],
): { readonly slope: number; halfWidth(level: number): number } {
  const [u, v] = [xs.map(Math.log), ys.map(Math.log)];
  const [meanU, meanV] = [jStat.mean(u), jStat.mean(v)];
  const spread = u.reduce((sum, value) => sum + (value - meanU) ** 2, 0);
  const slope = u.reduce((sum, value, i) => sum + (value - meanU) * (v[i]! - meanV), 0) / spread;
  const residual = u.reduce((sum, value, i) => sum + (v[i]! - meanV - slope * (value - meanU)) ** 2, 0);
  const freedom = u.length - 2;
  const error = Math.sqrt(residual / freedom / spread);
  return { slope, halfWidth: (level) => jStat.studentt.inv(1 - level / 2, freedom) * error };
}

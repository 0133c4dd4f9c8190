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

/**
 * Order in the step size by a least-squares fit log error = a + order log h + d h, whose last term stands for the next
 * order: of a method whose leading error is small, that is no small part of the whole.
 */
export function fittedOrder(steps: readonly number[], errors: readonly number[]): number {
  const centered = (values: readonly number[]) => {
    const mean = jStat.mean([...values]);
    return values.map((value) => value - mean);
  };
  const product = (one: readonly number[], other: readonly number[]) =>
    one.reduce((sum, value, i) => sum + value * other[i]!, 0);
  const h = centered(steps);
  const apart = (values: readonly number[]) => {
    const all = centered(values);
    const share = product(all, h) / product(h, h);
    return all.map((value, i) => value - share * h[i]!);
  };
  const [u, v] = [apart(steps.map(Math.log)), apart(errors.map(Math.log))];
  return product(u, v) / product(u, u);
}

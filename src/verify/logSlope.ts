/** Measured orders. */

/** The slope of the least-squares line of log y on log x. */
export function logSlope(x: readonly number[], y: readonly number[]): number {
  const [u, v] = [x.map(Math.log), y.map(Math.log)];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [um, vm] = [mean(u), mean(v)];
  const dot = u.reduce((sum, value, i) => sum + (value - um) * (v[i]! - vm), 0);
  return dot / u.reduce((sum, value) => sum + (value - um) ** 2, 0);
}

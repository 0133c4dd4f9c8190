/** Curves that the charts of several claims have. */
import type { Statistic } from '../numbers/statistics.js';
import type { ChartCurve } from '../report/plots/chart.js';

/** The simulated mean at each rank, with its interval. */
export const simulatedMeans = (ranks: readonly number[], means: readonly Statistic[]): ChartCurve => ({
  name: 'simulated mean, 95 % interval',
  kind: 'simulated',
  points: means.map(({ mean, ciLow, ciHigh }, i) => ({ x: ranks[i]!, y: mean, low: ciLow, high: ciHigh })),
});

/**
 * Statistics of trials of several draws of the target. Draws are independent, the starts within one are not: a draw's
 * trials share its noise. Intervals are therefore of the means of draws, by a bootstrap over them.
 */
import { bootstrapInterval } from '../numbers/bootstrap.js';
import { statistic, type Statistic } from '../numbers/statistics.js';
import type { Cell } from './plan.js';

/** Trials of each draw [draws]: their places among all of a cell. */
export type Grouped = readonly (readonly number[])[];

/** How many independent units intervals of a cell are over: its draws of the target, or its starts towards one. */
export const unitsOf = ({ draws, trials }: Pick<Cell, 'draws' | 'trials'>): number =>
  draws > 1 ? draws : trials;

/** The trials of each draw, of the draws of all trials. */
export function byDraw(drawOfTrial: ArrayLike<number>, draws: number): Grouped {
  const groups: number[][] = Array.from({ length: draws }, () => []);
  for (let i = 0; i < drawOfTrial.length; i++) groups[drawOfTrial[i]!]!.push(i);
  return groups.filter((group) => group.length > 0);
}

/** Mean of the finite values of each draw; NaN where there are none. All trials are of one draw if they are not grouped. */
export function meansOver(grouped: Grouped | null, values: Float64Array): number[] {
  const groups = grouped ?? [Array.from(values, (_, i) => i)];
  return groups.map((group) => {
    const finite = group.map((i) => values[i]!).filter(Number.isFinite);
    return finite.reduce((sum, value) => sum + value, 0) / finite.length;
  });
}

/**
 * Statistics of trials: of several draws with the bootstrap's interval, of one with Student's t over its starts. The
 * mean is over draws, each of which counts as much.
 */
export const statisticOver =
  (grouped: Grouped | null) =>
  (values: Float64Array, level?: number): Statistic => {
    const ofTrials = statistic(values, level);
    if (!grouped) return ofTrials;
    const means = meansOver(grouped, values).filter(Number.isFinite);
    const [ciLow, ciHigh] = bootstrapInterval(means, level);
    const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
    return { ...ofTrials, mean, ciLow, ciHigh };
  };

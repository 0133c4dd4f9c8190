/**
 * When trials are added until an interval is narrow (`targetCi`): the numbers of trials at which it is looked at, and
 * the level of the interval at each. To stop at the first interval that happens to be narrow favours those that are so
 * by chance. With K looks each interval is therefore at 1 - 0.05 / K, so that with 95 % probability all of them hold
 * the mean, and with them the one that is stopped at, whatever made it stop (Bonferroni).
 */

/** Trials before the first look: enough for the t interval of a mean of skewed values. */
const FIRST_LOOK = 64;

/** Numbers of trials of a cell at which its interval is looked at: 64, 128, ... below `trials`, and `trials`. */
export function looksOf(trials: number): number[] {
  const looks: number[] = [];
  for (let look = FIRST_LOOK; look < trials; look *= 2) looks.push(look);
  return [...looks, trials];
}

/** The level of every interval of a cell with at most so many trials: 0.95 if it is looked at once. */
export const lookLevel = (trials: number): number => 1 - 0.05 / looksOf(trials).length;

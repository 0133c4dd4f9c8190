/** How reports name outcomes. */
import { outcomes, type Outcome } from '../method/outcome.js';
import { formatCount } from './format.js';

/** The hoped-for one first, then as declared. */
export const outcomeNames: readonly Outcome[] = (Object.keys(outcomes) as Outcome[]).sort(
  (a, b) => Number(b === 'stationary') - Number(a === 'stationary'),
);

/** "28 stationary, 4 end-time": the outcomes that occurred, in a fixed order with the hoped-for one first. */
export function outcomeCounts(counts: Readonly<Record<Outcome, number>>): string {
  return outcomeNames
    .filter((name) => counts[name] > 0)
    .map((name) => `${formatCount(counts[name])} ${name}`)
    .join(', ');
}

/** The order in which reports name outcomes: the hoped-for one first, then as declared. */
import { outcomes, type Outcome } from '../method/outcome.js';

export const outcomeNames: readonly Outcome[] = (Object.keys(outcomes) as Outcome[]).sort(
  (a, b) => Number(b === 'stationary') - Number(a === 'stationary'),
);

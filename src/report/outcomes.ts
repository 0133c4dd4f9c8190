/** Names and counts of outcomes in reports. */
import { outcomes, succeeded, type Outcome } from '../method/outcome.js';
import type { SimulationReport } from '../simulation/report.js';
import { formatCount, formatNumber } from './format.js';

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

/** A sentence on how full fine-tuning ended, if not as it should; else none. */
export function fullFineTuningNotes({ fullFineTuningEnd: end }: SimulationReport): string[] {
  if (end === null || succeeded(end.outcome)) return [];
  const { outcome, time } = end;
  return [`Full fine-tuning: ${outcome} at time ${formatNumber(time)} (${outcomes[outcome]}).`];
}

/** Sentences of reports on ends that are stationary and not the optimum, and on trials that statistics leave out. */
import type { CellSummary } from '../sweep/summary.js';
import { stationarities, type Stationarity } from '../sweep/stationarity.js';
import { formatCount } from './format.js';
import { outcomeCounts } from './outcomes.js';
import type { SimulationTrial } from '../simulation/report.js';

type Ends = Pick<CellSummary, 'outcomes' | 'stationarity'>;

/** "4 stationary (3 at a saddle, 1 short), 2 end-time": outcomes, with what is wrong with stationary ends. */
export function endCounts({ outcomes, stationarity }: Ends): string {
  const names = { saddle: 'at a saddle', short: 'short', 'before-end': 'before the end' } as const;
  const faults = (Object.keys(names) as (keyof typeof names)[])
    .filter((kind) => stationarity[kind] > 0)
    .map((kind) => `${formatCount(stationarity[kind])} ${names[kind]}`)
    .join(', ');
  return outcomeCounts(outcomes).replace(/\d[\d,]* stationary/, (all) =>
    faults ? `${all} (${faults})` : all,
  );
}

/** A sentence for each kind of stationary end that is not what it seems: how many, what it means, what to do. */
export function stationarityNotes(
  cells: readonly (Ends & Pick<CellSummary, 'law' | 'accuracyFloor' | 'nearSaddles'>)[],
): string[] {
  const total = (kind: Stationarity, counted = cells) =>
    counted.reduce((sum, cell) => sum + cell.stationarity[kind], 0);
  const stationary = formatCount(cells.reduce((sum, { outcomes }) => sum + outcomes.stationary, 0));
  const share = (count: number) => `${formatCount(count)} of ${stationary} stationary trajectories`;
  const notes: string[] = [];
  const nearSaddleCount = cells.reduce((sum, { nearSaddles }) => sum + nearSaddles, 0);
  if (total('saddle') > 0)
    notes.push(
      `saddle: ${share(total('saddle'))} stopped at or near a saddle: a direction of the optimum is missing from ` +
        `their update, and the flow would leave${nearSaddleCount > 0 ? ` (the loss of ${formatCount(nearSaddleCount)} is within 0.1 % all the same)` : ''}. ` +
        'Use a smaller --steady to let it leave.',
    );
  if (total('short') > 0)
    notes.push(
      `short: ${share(total('short'))} were stopped by --steady on the way to the optimum, more than 0.1 % above it. ` +
        'Use a smaller --steady to come nearer (with --precision float64 where rounding of float32 hinders it).',
    );
  if (total('before-end') > 0)
    notes.push(
      `before-end: ${share(total('before-end'))} were stopped by --steady more than 0.1 % off where their flow ends, ` +
        'which is not the optimum of their rank. Use a smaller --steady to come nearer.',
    );
  // Elsewhere an excess that cannot be told from 0 is no different from the optimum.
  const atFloor = cells.filter(({ law, accuracyFloor }) => law && accuracyFloor && law.value < accuracyFloor);
  if (total('floor', atFloor) > 0)
    notes.push(
      `floor: ${share(total('floor', atFloor))} came as near to the optimum as their precision can tell` +
        ' (printed as "<"); --precision float64 tells more.',
    );
  return notes;
}

/** "left out: ..." where the statistics of accuracy are not over all trials, else nothing. */
export function leftOutNotes(cells: readonly Pick<CellSummary, 'accuracy'>[]): string[] {
  const leftOut = cells.reduce((sum, { accuracy }) => sum + accuracy.leftOut, 0);
  const all = cells.reduce((sum, { accuracy }) => sum + accuracy.count + accuracy.leftOut, 0);
  return leftOut === 0
    ? []
    : [
        `left out: the statistics are over ${formatCount(all - leftOut)} of ${formatCount(all)} trajectories; ` +
          `${formatCount(leftOut)} failed or have no finite value.`,
      ];
}

type TrialEnd = Pick<SimulationTrial, 'outcome' | 'stationarity'>;

/** "stationary (saddle)": the outcome of one trial, with what a stationary end is. */
export const endOf = ({ outcome, stationarity }: TrialEnd): string =>
  stationarity === 'moving' || stationarity === 'unknown' ? outcome : `${outcome} (${stationarity})`;

/**
 * A sentence for each kind of stationary end that occurs and is not the optimum, and for losses that are not finite.
 */
export function trialNotes(trials: readonly (TrialEnd & Pick<SimulationTrial, 'loss'>)[]): string[] {
  const all = formatCount(trials.length);
  const ends = (['saddle', 'short', 'floor', 'before-end'] as const).flatMap((kind) => {
    const count = trials.filter(({ stationarity }) => stationarity === kind).length;
    return count > 0 ? [`${kind}: ${formatCount(count)} of ${all} trials ${stationarities[kind]}.`] : [];
  });
  const lost = trials.filter(({ loss }) => !loss.every(Number.isFinite)).length;
  return lost === 0
    ? ends
    : [
        ...ends,
        `${formatCount(lost)} of ${all} trials did not reach all save times with a finite loss; what is missing is left out.`,
      ];
}

/** The parts of a forecast (results/parts.ts): of each adapter that is trained a row for each step that is kept. */
import type { Outcome } from '../../method/outcome.js';
import { readPart, type Part } from '../../results/parts.js';
import type { Columns, ColumnTypes, Value } from '../../results/tables.js';
import { Incomplete } from '../../run/mergeParts.js';
import type { ForecastChunk } from './chunks.js';
import type { Surrogate } from './surrogates.js';
import { together, type Trained, type TrainedWeight, type Training } from './train.js';

export const adapterTypes: ColumnTypes = {
  integers: ['fit', 'rank', 'trial', 'step'],
  texts: ['surrogate', 'weight', 'outcome'],
};

/**
 * Columns of the part of a chunk.
 * @param weight its name
 * @param saves steps that are kept
 */
export function adapterColumns(
  { surrogate: name, fit }: ForecastChunk,
  weight: string,
  { scale }: Surrogate,
  { saves }: Training,
  adapters: readonly TrainedWeight[],
): Columns {
  const column = (value: (one: TrainedWeight, i: number) => Value) =>
    adapters.flatMap((one) => saves.map((_, i) => value(one, i)));
  return {
    surrogate: column(() => name),
    scale: column(() => scale),
    fit: column(() => fit),
    weight: column(() => weight),
    rank: column(({ rank }) => rank),
    trial: column(({ trial }) => trial),
    step: column((_, i) => saves[i]!),
    drop: column(({ drops }, i) => drops[i]!),
    outcome: column(({ outcome }) => outcome),
    largest_rate: column(({ largestRate }) => largestRate),
  };
}

/** The adapters of a part, and the scale of the curvature that they were trained on. */
async function readAdapters(part: Part): Promise<{ scale: number; adapters: TrainedWeight[] }> {
  const names = ['scale', 'rank', 'trial', 'drop', 'largest_rate'];
  const [outcomes = []] = await readPart<Outcome>(part, ['outcome']);
  const columns = await readPart<number>(part, names);
  const [scales, ranks, trials, drops, rates] = columns as [number[], number[], number[], number[], number[]];
  const adapters: (TrainedWeight & { drops: number[] })[] = [];
  drops.forEach((drop, row) => {
    const [rank, trial] = [ranks[row]!, trials[row]!];
    const last = adapters.at(-1);
    if (last?.rank === rank && last.trial === trial) last.drops.push(drop);
    else adapters.push({ rank, trial, outcome: outcomes[row]!, largestRate: rates[row]!, drops: [drop] });
  });
  return { scale: scales[0]!, adapters };
}

/**
 * A training on a surrogate, from its parts.
 * @param chunks of that training, of all weights
 * @throws Incomplete, naming it, for a part of another curvature than that of the surrogate
 */
export async function trainedIn(
  parts: ReadonlyMap<number, Part>,
  chunks: readonly ForecastChunk[],
  plan: Training,
  surrogate: Surrogate,
): Promise<Trained[]> {
  const perWeight: TrainedWeight[][] = surrogate.problems.map(() => []);
  for (const { index, weight } of chunks) {
    const part = parts.get(index)!;
    const { scale, adapters } = await readAdapters(part);
    if (scale !== surrogate.scale)
      throw new Incomplete(
        `${part.file}: it is of the scale ${scale} of the curvature, where the fit to the pilot gives ${surrogate.scale}`,
      );
    perWeight[weight]!.push(...adapters);
  }
  return together(plan, surrogate, perWeight);
}

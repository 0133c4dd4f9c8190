/**
 * How a forecast is cut: a chunk is what is trained together of one weight on one surrogate, the ranks that are held in
 * factors of the same width. Where a pilot fixes the curvature, the trainings of its fit are chunks too, which all of
 * that surrogate wait for. It depends on the plan alone, so that any machine cuts it the same way.
 */
import { shareOf, type Shard } from '../../input/shard.js';
import { isLowRank, type Operator } from '../../numbers/operator.js';
import { paddedWidth } from '../../solver/solve.js';
import { TRAININGS } from './pilot.js';
import type { PlannedForecast } from './planned.js';
import type { WeightStatistics } from './statistics.js';
import { surrogateNames, type SurrogateName } from './surrogates.js';

/** A part of a forecast that is computed and kept as one. */
export interface ForecastChunk {
  readonly index: number;
  readonly surrogate: SurrogateName;
  /** Which training of the pilot's fit it is of, from 0; null of the training that is foretold. */
  readonly fit: number | null;
  /** Number of the weight. */
  readonly weight: number;
  readonly ranks: readonly number[];
  /** Ranks times starts. */
  readonly adapters: number;
  /** Entries of the matrices that are multiplied, times columns and steps. */
  readonly effort: number;
}

/** The chunks of a plan: of each surrogate those of its fit, training by training, before those that wait for it. */
export function forecastChunks({ statistics: { weights }, plan, begun }: PlannedForecast): ForecastChunk[] {
  const fits = begun ? Array.from({ length: TRAININGS }, (_, fit) => ({ fit, of: begun.plan })) : [];
  const trainings = [...fits, { fit: null, of: plan }];
  const chunks = surrogateNames.flatMap((surrogate) =>
    trainings.flatMap(({ fit, of: { config, trials, saves } }) =>
      weights.flatMap((each, weight) =>
        byWidth(config.ranks).map((ranks): Omit<ForecastChunk, 'index'> => {
          const adapters = ranks.length * trials;
          const columns = adapters * paddedWidth(ranks[0]!);
          const effort = entriesIn(each, surrogate) * columns * saves.at(-1)!;
          return { surrogate, fit, weight, ranks, adapters, effort };
        }),
      ),
    ),
  );
  return chunks.map((chunk, index) => ({ index, ...chunk }));
}

/** Ranks whose factors are held in the same width. */
function byWidth(ranks: readonly number[]): number[][] {
  const widths = [...new Set(ranks.map(paddedWidth))];
  return widths.map((width) => ranks.filter((rank) => paddedWidth(rank) === width));
}

/** Entries of the matrices that a step multiplies factors by. */
function entriesIn(
  { gradient, outputCovariance, covariance }: WeightStatistics,
  surrogate: SurrogateName,
): number {
  const all = [gradient, covariance, ...(surrogate === 'kfac' ? [outputCovariance] : [])];
  return all.reduce((sum, each) => sum + entries(each), 0);
}

const entries = (a: Operator): number =>
  isLowRank(a) ? a.left.data.length + a.right.data.length : a.data.length;

/**
 * The chunks of a shard: its share of those of the training that is foretold, even by effort, and the fits that these
 * wait for, whoever else needs them.
 */
export function ofShard(chunks: readonly ForecastChunk[], shard: Shard): ForecastChunk[] {
  const foretold = chunks.filter(({ fit }) => fit === null);
  const share = shareOf(
    foretold.map(({ effort }) => effort),
    shard,
  ).map((at) => foretold[at]!);
  const on = new Set(share.map(({ surrogate }) => surrogate));
  return chunks.filter((chunk) => (chunk.fit === null ? share.includes(chunk) : on.has(chunk.surrogate)));
}

/**
 * What trainings on both surrogates say together: each rank's share of the best one's progress, when ranks part, and how
 * far the surrogates can be followed. Progress is the fall of the training loss.
 */
import type { ForecastConfig } from './config.js';
import { failed, type Trained, type Training } from './train.js';
import type { Statistics } from './statistics.js';
import { surrogateNames, type SurrogateName } from './surrogates.js';

/** The least and the most over both surrogates and all starts, each surrogate's mean over starts, and their middle. */
export interface Band extends Readonly<Record<SurrogateName, number>> {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

export interface RankForecast {
  readonly rank: number;
  /** Share of the progress of the rank that is ahead, at the steps. */
  readonly shares: readonly Band[];
  /** The training loss, at the steps; null at those at which it is not told. */
  readonly losses: readonly (Band | null)[];
  /**
   * Step at which the rank is behind the one ahead by a share of the loss at W0, the first and the last of the trainings,
   * of the steps at which losses are told; null where one is not by then (`last`) or none is (both).
   */
  readonly behindAt: { readonly first: number | null; readonly last: number | null };
  /** The part of its progress at the last step that each weight makes, in the order of the weights. */
  readonly parts: readonly Band[];
  /** The largest stable learning rate of gradient descent by either surrogate; null of other optimizers. */
  readonly largestRate: number | null;
}

/** Why a forecast ends. */
export type Limit = 'end' | 'disagreement' | 'bend' | 'floor' | 'failure';

export interface Forecast {
  /** Steps of the forecast, ascending; none where there is nothing to say. */
  readonly steps: readonly number[];
  readonly limit: Limit;
  /**
   * The last steps up to which the surrogates agree, and the loss along its gradient is near enough its quadratic: on
   * shares, and on losses, which times rest on; null where they do at none, or times are not to be trusted.
   */
  readonly agreeTo: { readonly shares: number | null; readonly losses: number | null };
  readonly ranks: readonly RankForecast[];
  /** Trainings that failed, of all, by surrogate and rank. */
  readonly failures: readonly {
    readonly surrogate: SurrogateName;
    readonly rank: number;
    readonly count: number;
  }[];
  readonly trusted: boolean;
}

/** A forecast with what it was made from. */
export interface Forecasted {
  readonly config: ForecastConfig;
  readonly statistics: Statistics;
  readonly forecast: Forecast;
  /** k and c of the surrogates. */
  readonly scales: Readonly<Record<SurrogateName, number>>;
  /** The last step of the pilot that fixed them; null without one. */
  readonly pilotSteps: number | null;
}

/**
 * Largest difference at which the surrogates agree: of a rank's shares of the best one's progress, and of its progress
 * itself, over the larger. What is told ends where they do not.
 */
export const AGREEMENT = 0.1;
/**
 * Largest relative error of the quadratic's fall along -G to which shares and losses are told. An error of the best rank's
 * progress moves a share by as much times the share, of which the half counts most: smaller ranks have moved less.
 */
export const BEND = { shares: 2 * AGREEMENT, losses: AGREEMENT };
/** Share of the loss at W0 by which a rank is behind. */
export const BEHIND = 0.05;
/** Cosine of the gradients of two halves of the samples from which times are told. */
export const LEAST_COSINE = 0.8;

/** Whether the gradient is known well enough for times to be told. */
export const tellsTimes = ({ cosine }: Statistics): boolean => cosine === null || cosine >= LEAST_COSINE;

/**
 * The progress up to which the quadratic's fall along -G is within a relative error of the real one, linearly between those
 * that are known and no further than the last of them; infinite where none are.
 */
export function progressWithin(along: Statistics['along'], error: number): number {
  if (along === null) return Infinity;
  let [before, errorBefore] = [0, 0];
  for (const { predicted, real } of along) {
    const own = real > 0 ? Math.abs(predicted / real - 1) : Infinity;
    if (own > error) return before + ((error - errorBefore) / (own - errorBefore)) * (predicted - before);
    [before, errorBefore] = [predicted, own];
  }
  return before;
}

/** Trainings on each surrogate. */
export type OnSurrogates = Readonly<Record<SurrogateName, readonly Trained[]>>;

/** @param isFitted whether a pilot has fixed the curvature, so that the surrogates need not agree */
export function forecastOf(
  { saves, config: { ranks, optimizer } }: Training,
  statistics: Statistics,
  on: OnSurrogates,
  isFitted: boolean,
): Forecast {
  const { loss, floor, along } = statistics;
  const trusted = tellsTimes(statistics);
  const both = [on.kfac, on.identity] as const;
  const of = (trained: readonly Trained[], rank: number) => trained.filter((one) => one.rank === rank);
  const usable = (i: number): Limit | null => {
    if (both.some((all) => all.some(({ losses }) => !Number.isFinite(losses[i]!)))) return 'failure';
    if (both.some((all) => all.some(({ losses }) => losses[i]! < floor))) return 'floor';
    // Nothing has come nearer to the optimum: there is no progress to share.
    return both.every((all) => Math.min(...all.map(({ losses }) => losses[i]!)) < loss) ? null : 'failure';
  };
  const shareOf = (all: readonly Trained[], { rank, trial }: Trained, i: number) => {
    const drops = all.filter((one) => one.trial === trial).map((one) => loss - one.losses[i]!);
    const own = all.find((one) => one.trial === trial && one.rank === rank)!;
    return (loss - own.losses[i]!) / Math.max(...drops);
  };
  /** Whether the means over starts of every rank are near each other, as a multiple of the larger or of 1. */
  const agree = (value: (all: readonly Trained[], one: Trained) => number, isRelative: boolean) =>
    ranks.every((rank) => {
      const [a, b] = both.map((all) => mean(of(all, rank).map((one) => value(all, one)))) as [number, number];
      return Math.abs(a - b) <= AGREEMENT * (isRelative ? Math.max(Math.abs(a), Math.abs(b)) : 1);
    });
  const firstWhere = (is: (i: number) => boolean) => {
    const found = saves.findIndex((_, i) => is(i));
    return found < 0 ? saves.length : found;
  };
  const until = firstWhere((i) => usable(i) !== null);
  /** The first save at which a rank has gone further than the loss is known to be its quadratic. */
  const bentAt = (error: number) => {
    const most = progressWithin(along, error);
    return firstWhere((i) => both.some((all) => all.some(({ losses }) => loss - losses[i]! > most)));
  };
  const bent = bentAt(BEND.shares);
  const onShares = Math.min(
    until,
    bent,
    firstWhere((i) => !agree((all, one) => shareOf(all, one, i), false)),
  );
  const onLosses = Math.min(
    until,
    bentAt(BEND.losses),
    firstWhere((i) => !agree((_, { losses }) => loss - losses[i]!, true)),
  );
  const count = isFitted || !trusted ? Math.min(until, bent) : onShares;
  const told = !trusted ? 0 : isFitted ? count : Math.min(onShares, onLosses);
  const limit: Limit =
    count === saves.length
      ? 'end'
      : count === until
        ? usable(until)!
        : count === bent
          ? 'bend'
          : 'disagreement';
  // Of noisy gradients the early part is wrong: the last shares alone are kept.
  const kept = Array.from({ length: count }, (_, i) => i).slice(trusted ? 0 : -1);

  const bandOf = (rank: number, value: (all: readonly Trained[], one: Trained) => number): Band =>
    band(both.map((all) => of(all, rank).map((one) => value(all, one))));
  const crossing = (all: readonly Trained[], one: Trained): number | null => {
    let [before, stepBefore] = [0, 0];
    for (let i = 0; i < told; i++) {
      const least = Math.min(
        ...all.filter(({ trial }) => trial === one.trial).map(({ losses }) => losses[i]!),
      );
      const gap = (one.losses[i]! - least) / loss;
      if (gap >= BEHIND) return stepBefore + ((BEHIND - before) / (gap - before)) * (saves[i]! - stepBefore);
      [before, stepBefore] = [gap, saves[i]!];
    }
    return null;
  };
  return {
    steps: kept.map((i) => saves[i]!),
    ...{ limit, trusted },
    agreeTo: {
      shares: trusted ? (saves[onShares - 1] ?? null) : null,
      losses: trusted ? (saves[onLosses - 1] ?? null) : null,
    },
    ranks: ranks.map((rank) => {
      const crossings = both.flatMap((all) => of(all, rank).map((one) => crossing(all, one)));
      const crossed = crossings.filter((step) => step !== null);
      const end = kept.at(-1);
      return {
        rank,
        shares: kept.map((i) => bandOf(rank, (all, one) => shareOf(all, one, i))),
        losses: kept.map((i) => (i < told ? bandOf(rank, (_, { losses }) => losses[i]!) : null)),
        behindAt: {
          first: crossed.length > 0 ? Math.min(...crossed) : null,
          last: crossed.length > 0 && crossed.length === crossings.length ? Math.max(...crossed) : null,
        },
        parts:
          end === undefined
            ? []
            : statistics.weights.map((_, weight) =>
                bandOf(rank, (__, { drops, losses }) => drops[weight]![end]! / (loss - losses[end]!)),
              ),
        largestRate:
          optimizer === 'sgd'
            ? Math.min(...both.flatMap((all) => of(all, rank).map((one) => one.largestRate)))
            : null,
      };
    }),
    failures: surrogateNames.flatMap((surrogate) =>
      ranks.flatMap((rank) => {
        const count = of(on[surrogate], rank).filter(failed).length;
        return count > 0 ? [{ surrogate, rank, count }] : [];
      }),
    ),
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The band of values on K-FAC and on S = c I. */
function band(bySurrogate: readonly (readonly number[])[]): Band {
  const all = bySurrogate.flat();
  const [kfac, identity] = bySurrogate.map(mean) as [number, number];
  return { low: Math.min(...all), middle: (kfac + identity) / 2, high: Math.max(...all), kfac, identity };
}

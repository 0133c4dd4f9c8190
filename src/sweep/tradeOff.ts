/**
 * Which rank is best under noise, and when to stop: cells that differ in their rank alone, compared draw by draw. All
 * have seen the same draws of the target, so that shares are of draws, or of resamples of them (numbers/bootstrap.ts),
 * in which a choice is the best one; each draw's risk is the mean over its starts.
 */
import { bootstrapInterval, RESAMPLES, resampledMeans } from '../numbers/bootstrap.js';
import { indexOfLeast } from '../numbers/least.js';
import type { CellSummary } from './summary.js';

/** Mean risk over the draws, with its interval: NaN of a single draw. */
export interface MeanRisk {
  readonly mean: number;
  readonly ciLow: number;
  readonly ciHigh: number;
  /** The mean relative to the risk of W0. */
  readonly relative: number;
}

/** A rank, beside the others. */
export interface RankRisk {
  readonly cell: number;
  readonly rank: number;
  /** At the ends. */
  readonly risk: MeanRisk;
  /** Share of draws in which its risk at the ends is the least of all ranks. */
  readonly shareOfDraws: number;
  /** Share of resamples in which its mean risk is the least: NaN of a single draw. */
  readonly shareOfResamples: number;
  /** The save time at which its mean risk is the least. */
  readonly bestStop: BestStop;
}

export interface BestStop {
  readonly time: number;
  readonly risk: MeanRisk;
  /** Least and largest best time over the middle 95 % of resamples; NaN of a single draw. */
  readonly timeLow: number;
  readonly timeHigh: number;
  /** Whether the risk still falls at the last save time, so that no time to stop was seen. */
  readonly isLast: boolean;
}

/** The ranks of one setting. */
export interface TradeOff {
  /** What the cells have in common. */
  readonly loss: string;
  readonly target: string;
  readonly n: number;
  readonly m: number;
  readonly initialization: string;
  readonly flow: string;
  readonly scaling: string;
  readonly noise: number | null;
  /** Draws that all ranks have seen. */
  readonly draws: number;
  /** Ascending. */
  readonly ranks: readonly RankRisk[];
  /** The best rank at the ends. */
  readonly best: RankRisk;
  /** Ranks that are the best in at least 2.5 % of resamples each, ascending: the best one is among them. */
  readonly plausible: readonly number[];
  /** The best rank at each save time that all ranks have. */
  readonly bestAtTimes: readonly { readonly time: number; readonly rank: number; readonly risk: MeanRisk }[];
  /** The best of all ranks and save times. */
  readonly bestPair: BestStop & {
    readonly rank: number;
    /** Share of resamples in which its rank, stopped at the best time of the resample, is the best: NaN of one draw. */
    readonly shareOfResamples: number;
  };
}

/** The trade-offs of cells that have a risk: one of each setting with more than one rank. */
export function tradeOffs(cells: readonly CellSummary[]): TradeOff[] {
  const groups = new Map<string, CellSummary[]>();
  for (const cell of cells) {
    if (!cell.risk) continue;
    const { loss, target, n, m, initialization, flow, scaling } = cell;
    const key = JSON.stringify([loss, target, n, m, initialization, flow, scaling]);
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => tradeOffOf(group.sort((a, b) => a.rank - b.rank)));
}

function tradeOffOf(cells: readonly CellSummary[]): TradeOff {
  const [first] = cells as readonly [CellSummary, ...CellSummary[]];
  const { loss, target, n, m, initialization, flow, scaling, noise } = first;
  const seen = drawsSeenByAll(cells);
  const scale = first.riskScale!;
  const at = (byDraw: readonly number[]) => seen.map((draw) => byDraw[draw]!);
  const meanOf = (byDraw: readonly number[]): MeanRisk => {
    const values = at(byDraw);
    const [ciLow, ciHigh] = bootstrapInterval(values);
    return { mean: mean(values), ciLow, ciHigh, relative: mean(values) / scale };
  };
  // Of all draws of a cell its own interval, which may be widened for the looks at it.
  const atEnd = ({ risk, riskByDraw }: CellSummary): MeanRisk => ({
    ...meanOf(riskByDraw),
    ...(seen.length > 1 && seen.length === riskByDraw.length && { ciLow: risk!.ciLow, ciHigh: risk!.ciHigh }),
  });
  const resampled = (byDraw: readonly number[]) =>
    seen.length > 1 ? resampledMeans(at(byDraw)) : new Float64Array();
  const ends = cells.map(({ riskByDraw }) => at(riskByDraw));
  const endShares = sharesOfLeast(cells.map(({ riskByDraw }) => resampled(riskByDraw)));
  const drawShares = sharesOfLeast(ends);
  const stops = cells.map(({ curve }) => stopOf(curve, meanOf, resampled));
  const ranks = cells.map((own, i): RankRisk => ({
    ...{ cell: own.cell, rank: own.rank, risk: atEnd(own) },
    ...{ shareOfDraws: drawShares[i]!, shareOfResamples: endShares[i]! },
    bestStop: stops[i]!.stop,
  }));
  const pair = indexOfLeast(stops.map(({ stop }) => stop.risk.mean));
  const times = first.curve
    .map(({ time }) => time)
    .filter((time) => cells.every(({ curve }) => curve.some((point) => point.time === time)));
  return {
    ...{ loss, target, n, m, initialization, flow, scaling, noise, draws: seen.length, ranks },
    best: ranks[indexOfLeast(ranks.map(({ risk }) => risk.mean))]!,
    plausible: cells.filter((_, i) => endShares[i]! >= 0.025).map(({ rank }) => rank),
    bestAtTimes: times.map((time) => {
      const risks = cells.map(({ curve }) => meanOf(curve.find((point) => point.time === time)!.riskByDraw));
      const best = indexOfLeast(risks.map((risk) => risk.mean));
      return { time, rank: cells[best]!.rank, risk: risks[best]! };
    }),
    bestPair: {
      ...stops[pair]!.stop,
      rank: cells[pair]!.rank,
      shareOfResamples: sharesOfLeast(stops.map(({ least }) => least))[pair]!,
    },
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Draws whose risk at the ends is known of every rank. */
const drawsSeenByAll = (cells: readonly CellSummary[]): number[] =>
  cells[0]!.riskByDraw.flatMap((_, draw) =>
    cells.every(({ riskByDraw }) => Number.isFinite(riskByDraw[draw])) ? [draw] : [],
  );

/** Share of places [place] at which each of several series [series][place] is the least; NaN without places. */
function sharesOfLeast(series: readonly ArrayLike<number>[]): number[] {
  const places = series[0]!.length;
  const counts = series.map(() => 0);
  for (let place = 0; place < places; place++)
    counts[indexOfLeast(series.map((values) => values[place]!))]!++;
  return counts.map((count) => count / places);
}

/** The best save time of a rank, and the least risk over its save times in each resample. */
function stopOf(
  curve: CellSummary['curve'],
  meanOf: (byDraw: readonly number[]) => MeanRisk,
  resampled: (byDraw: readonly number[]) => Float64Array,
): { readonly stop: BestStop; readonly least: Float64Array } {
  const risks = curve.map(({ riskByDraw }) => meanOf(riskByDraw));
  const best = indexOfLeast(risks.map((risk) => risk.mean));
  const series = curve.map(({ riskByDraw }) => resampled(riskByDraw));
  const places = series[0]?.length ?? 0;
  const bests = Array.from({ length: places }, (_, b) => indexOfLeast(series.map((values) => values[b]!)));
  const times = bests.map((k) => curve[k]!.time).sort((a, b) => a - b);
  return {
    stop: {
      time: curve[best]!.time,
      risk: risks[best]!,
      timeLow: times[Math.floor(0.025 * RESAMPLES)] ?? NaN,
      timeHigh: times[Math.ceil(0.975 * RESAMPLES) - 1] ?? NaN,
      isLast: best === curve.length - 1,
    },
    least: Float64Array.from(bests, (k, b) => series[k]![b]!),
  };
}

/**
 * Statistics of every cell over its trials. A few columns of one cell are read at a time, so that of a sweep on disk no
 * more than that is held.
 */
import { clock } from '../flow/normalization.js';
import { member } from '../ensemble/member.js';
import { nameOf } from '../flow/flow.js';
import { isGradientFlow } from '../flow/motion.js';
import { outcomes, type Outcome } from '../method/outcome.js';
import { closedForm } from '../problem/closedForm.js';
import { accuracyFloor } from './accuracyFloor.js';
import { expectedSquare, lawOf, metricOf } from './law.js';
import { lookLevel } from './looks.js';
import type { Cell, Plan } from './plan.js';
import { succeeded, type TrialRow } from './row.js';
import { isNear, stationarities, type Stationarity } from './stationarity.js';
import { statistic, zScore } from '../numbers/statistics.js';
import type { CellSummary, CurvePoint } from './summary.js';
import type { Statistic } from '../numbers/statistics.js';
import type { Trial } from './row.js';

/** A column of numbers: of the trials' rows, or their loss at a save time, by its number. */
export type Column = keyof TrialRow | number;

/** Columns of a cell's trials, in an order of trials that is always the same. */
export interface TrialColumns {
  outcomes(cell: number): Promise<readonly Outcome[]>;
  stationarities(cell: number): Promise<readonly Stationarity[]>;
  /** [column][trial]; NaN where there is none. */
  numbers(cell: number, columns: readonly Column[]): Promise<Float64Array[]>;
}

/** The columns of trials in memory. */
export function columnsOf(trials: readonly Trial[]): TrialColumns {
  const cells = new Map<number, Trial[]>();
  for (const trial of trials) {
    const cell = cells.get(trial.row.cell) ?? [];
    cells.set(trial.row.cell, cell);
    cell.push(trial);
  }
  const of = (cell: number) => cells.get(cell) ?? [];
  return {
    outcomes: (cell) => Promise.resolve(of(cell).map(({ row }) => row.outcome)),
    stationarities: (cell) => Promise.resolve(of(cell).map(({ row }) => row.stationarity)),
    numbers: (cell, columns) =>
      Promise.resolve(
        columns.map((column) =>
          Float64Array.from(of(cell), ({ row, curve }) =>
            Number((typeof column === 'number' ? curve[column] : row[column]) ?? NaN),
          ),
        ),
      ),
  };
}

/** Statistics of every cell over the trials that did not fail; failures are in the outcome counts, and left out. */
export async function summarize(plan: Plan, trials: TrialColumns): Promise<CellSummary[]> {
  const summaries: CellSummary[] = [];
  for (const cell of plan.cells) summaries.push(await summaryOf(plan, cell, trials));
  return summaries;
}

async function summaryOf(plan: Plan, cell: Cell, trials: TrialColumns): Promise<CellSummary> {
  const { problem, rank, coefficients } = cell;
  const { precision, targetCi } = plan.config;
  const ended = await trials.outcomes(cell.index);
  const ends = await trials.stationarities(cell.index);
  const good = ended.map(succeeded);
  const numbers = async (columns: readonly Column[]) =>
    (await trials.numbers(cell.index, columns)).map((values) =>
      values.map((value, i) => (good[i] ? value : NaN)),
    );
  const [accuracies, losses, biases, after, by, accepted, rejected] = (await numbers([
    ...(['accuracy', 'loss', 'accuracy_bias', 'time_to_optimum_after', 'time_to_optimum_by'] as const),
    ...(['accepted_steps', 'rejected_steps'] as const),
  ])) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const expected = expectedSquare(cell);
  const accuracy = statistic(accuracies, targetCi === undefined ? undefined : lookLevel(cell.trials));
  const squares = accuracies.map((a) => a * a);
  return {
    cell: cell.index,
    loss: problem.loss.name,
    target: cell.target,
    n: problem.n,
    m: problem.m,
    rank,
    initialization: cell.initialization.name,
    flow: nameOf(cell.flow),
    scaling: cell.scaling,
    scale: coefficients.scale,
    metric: metricOf(cell),
    law: lawOf(cell),
    optimum: problem.optimum(rank),
    accuracy,
    accuracyBias: meanOver(biases, accuracy),
    accuracyFloor: accuracyFloor(cell, precision),
    zScore: expected === null ? null : zScore(squares, expected),
    zScoreBias: expected === null ? null : zScoreBias(accuracies, biases, squares),
    trials: ended.length,
    outcomes: counts(Object.keys(outcomes) as Outcome[], ended),
    stationarity: counts(Object.keys(stationarities) as Stationarity[], ends),
    nearSaddles: losses.filter((loss, i) => ends[i] === 'saddle' && isNear(loss, problem, rank)).length,
    timeToOptimumAfter: statistic(after.map((time, i) => (Number.isFinite(by[i]) ? time : NaN))),
    timeToOptimumBy: statistic(by),
    steps: statistic(accepted.map((count, i) => count + rejected[i]!)),
    curve: await curveOf(plan, cell, numbers),
  };
}

const counts = <T extends string>(names: readonly T[], values: readonly T[]): Record<T, number> =>
  Object.fromEntries(names.map((name) => [name, values.filter((value) => value === name).length])) as Record<
    T,
    number
  >;

/** The mean, if all values are there that a statistic is of. */
function meanOver(values: Float64Array, { count: all }: Statistic): number | null {
  const { count, mean } = statistic(values);
  return count > 0 && count === all ? mean : null;
}

/** Part of the z-score of squared accuracies that a bias of the accuracies can account for. */
function zScoreBias(accuracies: Float64Array, biases: Float64Array, squares: Float64Array): number | null {
  const spread = statistic(squares);
  const bias = meanOver(
    biases.map((bias, i) => 2 * accuracies[i]! * bias + bias ** 2),
    spread,
  );
  return bias === null || !(spread.sd > 0) ? null : bias / (spread.sd / Math.sqrt(spread.count));
}

/** Losses that are held at a time, but those of one save time at least. */
const HELD = 2 ** 24;

async function curveOf(
  { config }: Plan,
  cell: Cell,
  numbers: (columns: readonly Column[]) => Promise<Float64Array[]>,
): Promise<CurvePoint[]> {
  const { problem, coefficients, flow, initialization, trials, stop } = cell;
  const shared =
    isGradientFlow(coefficients, flow) && (trials === 1 || problem.loss.isCurveShared(initialization.law));
  const path = shared ? closedForm(problem, member(cell, 0, config.seed).initial()) : null;
  const points: CurvePoint[] = [];
  const together = Math.max(1, Math.floor(HELD / trials));
  for (let from = 0; from < stop.saveTimes.length; from += together) {
    const times = stop.saveTimes.slice(from, from + together);
    const losses = await numbers(times.map((_, i) => from + i));
    times.forEach((time, i) =>
      points.push({
        time,
        loss: statistic(losses[i]!),
        closedForm: path && path.loss(clock(coefficients, flow) * time),
        fullFineTuning: problem.fullFineTuningLoss(time),
      }),
    );
  }
  return points;
}

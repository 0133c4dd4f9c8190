/**
 * Statistics of every cell over its trials. Trials are read column by column of one cell at a time, so that of a sweep
 * on disk no more than that is held.
 */
import { clock } from '../ensemble/adapter.js';
import { outcomes, type Outcome } from '../method/outcome.js';
import { closedForm } from '../problem/closedForm.js';
import { expectedSquare, lawOf, metricOf } from './law.js';
import { member, type Cell, type Plan } from './plan.js';
import { succeeded, type TrialRow } from './row.js';
import { statistic, zScore } from './statistics.js';
import type { CellSummary, CurvePoint } from './summary.js';
import type { Trials } from './sweep.js';

/** A column of the trials: of their rows, or their loss at a save time, by its number. */
export type Column = keyof TrialRow | number;
export type Value = string | number | null;

export interface TrialColumns {
  /** Values of a column for a cell's trials, in an order that is the same for all columns. */
  read(cell: number, column: Column): Promise<readonly Value[]>;
}

/** The columns of trials in memory. */
export function columnsOf(trials: readonly Trials[]): TrialColumns {
  const cells = new Map<number, { row: TrialRow; curve: readonly (number | null)[] }[]>();
  for (const { rows, curves } of trials)
    rows.forEach((row, i) => {
      const cell = cells.get(row.cell) ?? [];
      cells.set(row.cell, cell);
      cell.push({ row, curve: curves[i]! });
    });
  return {
    read: (cell, column) =>
      Promise.resolve(
        (cells.get(cell) ?? []).map(({ row, curve }) =>
          typeof column === 'number' ? (curve[column] ?? null) : row[column],
        ),
      ),
  };
}

/** Statistics of every cell over the trials that did not fail; failures are in the outcome counts. */
export async function summarize(plan: Plan, trials: TrialColumns): Promise<CellSummary[]> {
  const summaries: CellSummary[] = [];
  for (const cell of plan.cells) summaries.push(await summaryOf(plan, cell, trials));
  return summaries;
}

async function summaryOf(plan: Plan, cell: Cell, trials: TrialColumns): Promise<CellSummary> {
  const { problem, rank, coefficients } = cell;
  const ended = (await trials.read(cell.index, 'outcome')) as Outcome[];
  const good = ended.map(succeeded);
  const numbers = async (column: Column): Promise<number[]> => {
    const values = await trials.read(cell.index, column);
    return values.flatMap((value, i) => (good[i] ? [typeof value === 'number' ? value : NaN] : []));
  };
  const accuracies = await numbers('accuracy');
  const expected = expectedSquare(cell);
  const rejected = await numbers('rejected_steps');
  const steps = (await numbers('accepted_steps')).map((accepted, i) => accepted + rejected[i]!);
  return {
    cell: cell.index,
    loss: problem.loss,
    target: cell.target,
    n: problem.n,
    m: problem.m,
    rank,
    initialization: cell.initialization.name,
    scaling: cell.scaling,
    scale: coefficients.scale,
    metric: metricOf(cell),
    law: lawOf(cell),
    optimum: problem.optimum(rank),
    accuracy: statistic(accuracies),
    zScore:
      expected === null
        ? null
        : zScore(
            accuracies.map((a) => a * a),
            expected,
          ),
    trials: ended.length,
    outcomes: Object.fromEntries(
      (Object.keys(outcomes) as Outcome[]).map((name) => [
        name,
        ended.filter((each) => each === name).length,
      ]),
    ) as Record<Outcome, number>,
    atSaddle: atSaddle(
      cell,
      ended.filter((_, i) => good[i]),
      await numbers('loss'),
    ),
    timeToOptimum: statistic(await numbers('time_to_optimum')),
    steps: statistic(steps),
    curve: await curveOf(plan, cell, numbers),
  };
}

/** Relative error above the optimum from which a stationary trajectory counts as stopped elsewhere. */
const SADDLE_MARGIN = 1e-3;

function atSaddle(
  { problem, rank }: Cell,
  ended: readonly Outcome[],
  losses: readonly number[],
): number | null {
  const optimum = problem.optimum(rank);
  if (!optimum) return null;
  return losses.filter(
    (loss, i) => ended[i] === 'stationary' && Math.sqrt(loss / optimum) > 1 + SADDLE_MARGIN,
  ).length;
}

async function curveOf(
  { stop, config }: Plan,
  cell: Cell,
  numbers: (column: Column) => Promise<number[]>,
): Promise<CurvePoint[]> {
  const { problem, coefficients, initialization, trials } = cell;
  // One curve stands for all trials if there is one trial, or if the loss depends on A0 through |A0| alone.
  const shared =
    trials === 1 || (initialization.law === 'orthonormal-rows' && problem.structure.kind === 'trace');
  const path = shared ? closedForm(problem, member(cell, 0, config.seed).initial()) : null;
  const points: CurvePoint[] = [];
  for (const [k, time] of stop.saveTimes.entries())
    points.push({
      time,
      loss: statistic(await numbers(k)),
      closedForm: path && path.loss(clock(coefficients) * time),
      fullFineTuning: problem.fullFineTuningLoss(time),
    });
  return points;
}

/**
 * Statistics of every cell over its trials. A few columns of one cell are read at a time, so that of a sweep on disk no
 * more than that is held.
 */
import { clock } from '../ensemble/adapter.js';
import { outcomes, type Outcome } from '../method/outcome.js';
import { closedForm } from '../problem/closedForm.js';
import { expectedSquare, lawOf, metricOf } from './law.js';
import { member, type Cell, type Plan } from './plan.js';
import { succeeded, type TrialRow } from './row.js';
import { kept, statistic, zScore } from './statistics.js';
import type { CellSummary, CurvePoint } from './summary.js';
import type { Trials } from './sweep.js';

/** A column of numbers: of the trials' rows, or their loss at a save time, by its number. */
export type Column = keyof TrialRow | number;

/** Columns of a cell's trials, in an order of trials that is always the same. */
export interface TrialColumns {
  outcomes(cell: number): Promise<readonly Outcome[]>;
  /** [column][trial]; NaN where there is none. */
  numbers(cell: number, columns: readonly Column[]): Promise<Float64Array[]>;
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
  const of = (cell: number) => cells.get(cell) ?? [];
  return {
    outcomes: (cell) => Promise.resolve(of(cell).map(({ row }) => row.outcome)),
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

/** Statistics of every cell over the trials that did not fail; failures are in the outcome counts. */
export async function summarize(plan: Plan, trials: TrialColumns): Promise<CellSummary[]> {
  const summaries: CellSummary[] = [];
  for (const cell of plan.cells) summaries.push(await summaryOf(plan, cell, trials));
  return summaries;
}

async function summaryOf(plan: Plan, cell: Cell, trials: TrialColumns): Promise<CellSummary> {
  const { problem, rank, coefficients } = cell;
  const ended = await trials.outcomes(cell.index);
  const good = ended.map(succeeded);
  const numbers = async (columns: readonly Column[]) =>
    (await trials.numbers(cell.index, columns)).map((values) => kept(values, (_, i) => good[i]!));
  const [accuracies, losses, times, accepted, rejected] = (await numbers([
    ...(['accuracy', 'loss', 'time_to_optimum', 'accepted_steps', 'rejected_steps'] as const),
  ])) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const expected = expectedSquare(cell);
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
      losses,
    ),
    timeToOptimum: statistic(times),
    steps: statistic(accepted.map((count, i) => count + rejected[i]!)),
    curve: await curveOf(plan, cell, numbers),
  };
}

/** Relative error above the optimum from which a stationary trajectory counts as stopped elsewhere. */
const SADDLE_MARGIN = 1e-3;

function atSaddle({ problem, rank }: Cell, ended: readonly Outcome[], losses: Float64Array): number | null {
  const optimum = problem.optimum(rank);
  if (!optimum) return null;
  return losses.filter(
    (loss, i) => ended[i] === 'stationary' && Math.sqrt(loss / optimum) > 1 + SADDLE_MARGIN,
  ).length;
}

/** Losses that are held at a time, but those of one save time at least. */
const HELD = 2 ** 24;

async function curveOf(
  { config }: Plan,
  cell: Cell,
  numbers: (columns: readonly Column[]) => Promise<Float64Array[]>,
): Promise<CurvePoint[]> {
  const { problem, coefficients, initialization, trials, stop } = cell;
  // One curve stands for all trials if there is one trial, or if the loss depends on A0 through |A0| alone.
  const shared =
    trials === 1 || (initialization.law === 'orthonormal-rows' && problem.structure.kind === 'trace');
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
        closedForm: path && path.loss(clock(coefficients) * time),
        fullFineTuning: problem.fullFineTuningLoss(time),
      }),
    );
  }
  return points;
}

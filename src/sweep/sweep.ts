/** Runs a sweep's plan: problem by problem, chunk by chunk, yielding rows, and summarizes its cells. */
import type { BackendInfo } from '../backend/backend.js';
import { clock } from '../ensemble/adapter.js';
import { outcomes, type Outcome } from '../method/outcome.js';
import { closedForm } from '../problem/closedForm.js';
import type { Pool } from '../solver/pool.js';
import { wayOf, type Way } from '../solver/path.js';
import type { SavePoint } from '../solver/observe.js';
import { paddedWidth, solve, chunkFor } from '../solver/solve.js';
import { expectedSquare, lawOf, metricOf } from './law.js';
import { member, type Cell, type Plan } from './plan.js';
import { succeeded, trialRow, type TrialRow } from './row.js';
import { statistic, zScore } from './statistics.js';
import type { CellSummary, CurvePoint } from './summary.js';

/** What a chunk of trajectories gave, and how far the sweep is. */
export interface SweepChunk {
  readonly rows: readonly TrialRow[];
  /** Loss at the save times, per row; null where a trajectory had failed. */
  readonly curves: readonly (readonly (number | null)[])[];
  /** Trajectories done so far and the fraction of the whole effort that they took. */
  readonly done: number;
  readonly work: number;
}

export const totalTrials = ({ cells }: Plan): number => cells.reduce((sum, { trials }) => sum + trials, 0);

/** The ways in which the trajectories of a plan are computed on the backend in use. @throws InputError */
export function waysOf({ cells, config, method, stop }: Plan): Way[] {
  const { kernel, precision } = config;
  const ways = cells.map(({ problem, rank }) => wayOf(problem, rank, { kernel, precision, method, stop }));
  return ways.filter(
    (way, i) => ways.findIndex(({ path, reason }) => path === way.path && reason === way.reason) === i,
  );
}

/** A part of a plan, and who watches it. */
export interface SweepPart {
  /** The trials of every cell from this one (default: 0) ... */
  readonly from?: number;
  /** ... to before this one (default: all). */
  readonly to?: number;
  /** Hears of save points while a chunk is solved, as SolveOptions.watch. */
  readonly watch?: (cell: Cell, trial: number, saved: SavePoint) => void | Promise<void>;
}

/** Runs all cells. Rows come in no promised order; each depends on (seed, rank, trial) and the method alone. */
export async function* runSweep(
  plan: Plan,
  backend: BackendInfo,
  pool: Pool | null,
  { from = 0, to = Infinity, watch }: SweepPart = {},
): AsyncGenerator<SweepChunk> {
  const { config, method, stop } = plan;
  const trialsOf = ({ trials }: Cell) => Math.max(0, Math.min(trials, to) - from);
  const cells = plan.cells.filter((cell) => trialsOf(cell) > 0);
  const effort = ({ problem, rank }: Cell) => (problem.n + problem.m) * paddedWidth(rank) ** 2;
  const totalEffort = cells.reduce((sum, cell) => sum + trialsOf(cell) * effort(cell), 0);
  let done = 0;
  let work = 0;
  for (const problem of new Set(cells.map((cell) => cell.problem))) {
    const tasks = cells
      .filter((cell) => cell.problem === problem)
      .flatMap((cell) => Array.from({ length: trialsOf(cell) }, (_, i) => ({ cell, trial: from + i })));
    const members = tasks.map(({ cell, trial }) => member(cell, trial, config.seed));
    const { kernel, precision } = config;
    const chunk = config.chunk ?? chunkFor(problem, backend, stop.saveTimes.length);
    const options = {
      method,
      stop,
      chunk,
      kernel,
      precision,
      pool,
      check: backend.check,
      detail: 'loss',
      watch: watch && ((i: number, saved: SavePoint) => watch(tasks[i]!.cell, tasks[i]!.trial, saved)),
    } as const;
    for await (const solved of solve(problem, members, options)) {
      const results = solved.map(({ index, trajectory }) => ({ ...tasks[index]!, trajectory }));
      done += results.length;
      work += results.reduce((sum, { cell }) => sum + effort(cell), 0) / totalEffort;
      yield {
        rows: results.map(({ cell, trial, trajectory }) => trialRow(cell, trial, config.seed, trajectory)),
        curves: results.map(({ trajectory }) => trajectory.saved.map((saved) => saved?.loss ?? null)),
        done,
        work,
      };
    }
  }
}

/** Statistics of every cell over the trials that did not fail; failures are in the outcome counts. */
export function summarize(plan: Plan, chunks: readonly Pick<SweepChunk, 'rows' | 'curves'>[]): CellSummary[] {
  return plan.cells.map((cell) => {
    const trials = chunks.flatMap(({ rows, curves }) =>
      rows.map((row, i) => ({ row, curve: curves[i]! })).filter(({ row }) => row.cell === cell.index),
    );
    const good = trials.filter(({ row }) => succeeded(row.outcome));
    const accuracies = good.map(({ row }) => row.accuracy);
    const expected = expectedSquare(cell);
    const { problem, rank, coefficients } = cell;
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
      trials: trials.length,
      outcomes: Object.fromEntries(
        (Object.keys(outcomes) as Outcome[]).map((name) => [
          name,
          trials.filter(({ row }) => row.outcome === name).length,
        ]),
      ) as Record<Outcome, number>,
      atSaddle: atSaddle(
        cell,
        good.map(({ row }) => row),
      ),
      timeToOptimum: statistic(good.map(({ row }) => row.time_to_optimum ?? NaN)),
      steps: statistic(good.map(({ row }) => row.accepted_steps + row.rejected_steps)),
      curve: curveOf(
        plan,
        cell,
        good.map(({ curve }) => curve),
      ),
    };
  });
}

/** Relative error above the optimum from which a stationary trajectory counts as stopped elsewhere. */
const SADDLE_MARGIN = 1e-3;

function atSaddle({ problem, rank }: Cell, rows: readonly TrialRow[]): number | null {
  const optimum = problem.optimum(rank);
  if (!optimum) return null;
  const above = ({ outcome, loss }: TrialRow) =>
    outcome === 'stationary' && Math.sqrt(loss / optimum) > 1 + SADDLE_MARGIN;
  return rows.filter(above).length;
}

function curveOf(
  { stop, config }: Plan,
  cell: Cell,
  curves: readonly (readonly (number | null)[])[],
): CurvePoint[] {
  const { problem, coefficients, initialization, trials } = cell;
  // One curve stands for all trials if there is one trial, or if the loss depends on A0 through |A0| alone.
  const shared =
    trials === 1 || (initialization.law === 'orthonormal-rows' && problem.structure.kind === 'trace');
  const path = shared ? closedForm(problem, member(cell, 0, config.seed).initial()) : null;
  return stop.saveTimes.map((time, k) => ({
    time,
    loss: statistic(curves.map((curve) => curve[k] ?? NaN)),
    closedForm: path && path.loss(clock(coefficients) * time),
    fullFineTuning: problem.fullFineTuningLoss(time),
  }));
}

/** Computes trials of a sweep's plan, problem by problem and horizon by horizon. */
import type { BackendInfo } from '../backend/backend.js';
import { clock } from '../ensemble/adapter.js';
import type { Pool } from '../solver/pool.js';
import { wayOf, type Way } from '../solver/path.js';
import type { SavePoint } from '../solver/observe.js';
import { solve, chunkFor } from '../solver/solve.js';
import type { Span } from '../sweep/chunks.js';
import { member, type Cell, type Plan } from '../sweep/plan.js';
import { trialRow, type Trials } from '../sweep/row.js';

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** The ways in which the trajectories of a plan are computed on the backend in use. @throws InputError */
export function waysOf({ cells, config }: Plan): Way[] {
  const { kernel, precision } = config;
  const ways = cells.map(({ problem, rank, coefficients, method, stop }) =>
    wayOf(problem, rank, { kernel, precision, method, stop }, [clock(coefficients)]),
  );
  return ways.filter(
    (way, i) => ways.findIndex(({ path, reason }) => path === way.path && reason === way.reason) === i,
  );
}

/** Hears of save points while trials are computed, as SolveOptions.watch. */
export type TrialWatch = (cell: Cell, trial: number, saved: SavePoint) => void | Promise<void>;

/**
 * Computes trials of a plan, some at a time. They come in no promised order; each depends on (seed, rank, trial) and the
 * method alone.
 */
export async function* runTrials(
  plan: Plan,
  spans: readonly Span[],
  backend: BackendInfo,
  pool: Pool | null,
  watch?: TrialWatch,
): AsyncGenerator<Trials> {
  const { config } = plan;
  const { kernel, precision } = config;
  const all = spans.flatMap(({ cell, from, to }) =>
    Array.from({ length: to - from }, (_, i) => ({ cell: plan.cells[cell]!, trial: from + i })),
  );
  for (const tasks of solvedTogether(all)) {
    const { problem, method, stop } = tasks[0]!.cell;
    const members = tasks.map(({ cell, trial }) => member(cell, trial, config.seed));
    const options = {
      ...{ method, stop, kernel, precision, pool },
      chunk: config.chunk ?? chunkFor(problem, backend, stop.saveTimes.length),
      check: backend.check,
      detail: 'loss',
      watch: watch && ((i: number, saved: SavePoint) => watch(tasks[i]!.cell, tasks[i]!.trial, saved)),
    } as const;
    for await (const solved of solve(problem, members, options)) {
      const results = solved.map(({ index, trajectory }) => ({ ...tasks[index]!, trajectory }));
      yield {
        rows: results.map(({ cell, trial, trajectory }) => trialRow(cell, trial, config, trajectory)),
        curves: results.map(({ trajectory }) => trajectory.saved.map((saved) => finite(saved?.loss))),
      };
    }
  }
}

/** Tasks by what one call of the solver shares: a problem, a method and a stop rule. */
function solvedTogether<T extends { readonly cell: Cell }>(tasks: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (const task of tasks) {
    const same = groups.find(([first]) =>
      (['problem', 'method', 'stop'] as const).every((key) => first!.cell[key] === task.cell[key]),
    );
    if (same) same.push(task);
    else groups.push([task]);
  }
  return groups;
}

/** Computes trials of a sweep's plan, problem by problem and horizon by horizon. */
import { motionOf } from '../flow/motion.js';
import { clock } from '../flow/normalization.js';
import { member, type Member } from '../ensemble/member.js';
import { solveOptions } from '../input/execution.js';
import type { Device } from '../solver/device.js';
import { observeTask } from '../solver/observables.js';
import type { SavePoint } from '../solver/observe.js';
import { eachOnce, wayOf, type Way } from '../solver/path.js';
import type { Placed } from '../solver/solution.js';
import { solveByChunk } from '../solver/solve.js';
import type { Span } from '../sweep/chunks.js';
import type { SweepConfig } from '../sweep/config.js';
import type { Cell, Plan } from '../sweep/plan.js';
import { trialRow, type Trial } from '../sweep/row.js';

/** The ways in which the trajectories of a plan are computed on a device, each once. @throws InputError */
export function waysOf({ cells, config }: Plan, device: Device): Way[] {
  const ways = cells.map((cell) =>
    wayOf(
      cell.problem,
      cell.rank,
      { ...solveOptions(cell, config, device), stop: cell.stop },
      [clock(cell.coefficients, cell.flow)],
      [motionOf(cell.coefficients, cell.flow)],
    ),
  );
  return eachOnce(ways);
}

/** Hears of save points while trials are computed, as SolveOptions.watch. */
export type TrialWatch = (cell: Cell, trial: number, saved: SavePoint) => void | Promise<void>;

/** A member of a cell's ensemble. */
interface CellMember extends Member {
  readonly cell: Cell;
}

/**
 * Computes trials of a plan, and yields them some at a time as they come, in no promised order; each depends on (seed,
 * rank, trial), the draw of the target and the method alone. They are to be gone through once.
 */
export async function* runTrials(
  { cells, config }: Plan,
  spans: readonly Span[],
  device: Device,
  watch?: TrialWatch,
): AsyncGenerator<Iterable<Trial>> {
  for (const ofDraw of byDraw(spans)) {
    const all: CellMember[] = [];
    for (const { cell: index, draw = 0, from, to } of ofDraw) {
      const cell = await cells[index]!.at(draw);
      for (let trial = from; trial < to; trial++) all.push({ ...member(cell, trial, config.seed), cell });
    }
    for (const members of solvedTogether(all)) yield* solved(members, config, device, watch);
  }
}

/** Spans by draw of the target, in their order: one problem of a draw is held at a time. */
function byDraw(spans: readonly Span[]): Span[][] {
  const groups: Span[][] = [];
  for (const span of spans) {
    const last = groups.at(-1);
    if (last && (last[0]!.draw ?? 0) === (span.draw ?? 0)) last.push(span);
    else groups.push([span]);
  }
  return groups;
}

/** Trials of one problem, method and stop rule. */
async function* solved(
  members: readonly CellMember[],
  config: SweepConfig,
  device: Device,
  watch: TrialWatch | undefined,
): AsyncGenerator<Iterable<Trial>> {
  const { problem, bases, ...horizon } = members[0]!.cell;
  const rank = members.reduce((largest, member) => Math.max(largest, member.rank), 0);
  const chunks = solveByChunk(
    { problem, members },
    {
      ...solveOptions(horizon, config, device),
      detail: 'loss',
      observe: observeTask(problem, config.observe, rank, bases),
      watch: watch && (({ cell, trial }, saved) => watch(cell, trial, saved)),
    },
  );
  for await (const placed of chunks) yield trialsOf(placed, config);
}

function* trialsOf(placed: Iterable<Placed<CellMember>>, config: SweepConfig): Generator<Trial> {
  for (const [, trajectory] of placed) {
    const { cell, trial } = trajectory.member;
    yield {
      row: trialRow(cell, trial, config, trajectory),
      curve: trajectory.saved.map((saved) => finite(saved?.loss)),
      ...(cell.problem.risk && {
        riskCurve: trajectory.saved.map((saved) => finite(saved?.risk ?? NaN)),
      }),
    };
  }
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** Members by what one call of the solver shares: a problem, a method and a stop rule. */
function solvedTogether(members: readonly CellMember[]): CellMember[][] {
  const groups: CellMember[][] = [];
  for (const member of members) {
    const same = groups.find(([first]) =>
      (['problem', 'method', 'stop'] as const).every((key) => first!.cell[key] === member.cell[key]),
    );
    if (same) same.push(member);
    else groups.push([member]);
  }
  return groups;
}

/** One trial of a sweep as one row of its results. */
import type { Outcome } from '../method/outcome.js';
import type { Trajectory } from '../solver/solve.js';
import { accuracyOf, lawOf } from './law.js';
import type { Cell } from './plan.js';

export type TrialRow = {
  readonly cell: number;
  readonly loss_function: string;
  readonly target: string;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly initialization: string;
  readonly scaling: string;
  readonly scale: number;
  readonly lr_ratio_a: number;
  readonly lr_ratio_b: number;
  readonly seed: number;
  readonly trial: number;
  readonly outcome: Outcome;
  /** Time t of the last state. */
  readonly time: number;
  readonly accepted_steps: number;
  readonly rejected_steps: number;
  readonly evaluations: number;
  /** At the last state; for a diverged trajectory, the last finite one. */
  readonly loss: number;
  readonly accuracy: number;
  /** Loss above the optimum of this rank; null if that is unknown. */
  readonly excess: number | null;
  readonly distance: number | null;
  readonly gradient_norm: number;
  readonly balancedness: number;
  /** Time at which the metric came within 1 % of the law; null if it did not, or there is no such law. */
  readonly time_to_optimum: number | null;
};

/** Columns that hold whole numbers. */
export const trialIntegers: readonly (keyof TrialRow)[] = [
  ...(['cell', 'n', 'm', 'rank', 'trial'] as const),
  ...(['accepted_steps', 'rejected_steps', 'evaluations'] as const),
];

/** Columns that hold text. */
export const trialTexts: readonly (keyof TrialRow)[] = [
  'loss_function',
  'target',
  'initialization',
  'scaling',
  'outcome',
];

/** Whether a trajectory ended by itself, so that its numbers mean what the method computed. */
export const succeeded = (outcome: Outcome): boolean => outcome === 'end-time' || outcome === 'stationary';

export function trialRow(cell: Cell, trial: number, seed: number, trajectory: Trajectory): TrialRow {
  const { problem, rank, coefficients } = cell;
  const { last } = trajectory;
  const optimum = problem.optimum(rank);
  return {
    cell: cell.index,
    loss_function: problem.loss,
    target: cell.target,
    n: problem.n,
    m: problem.m,
    rank,
    initialization: cell.initialization.name,
    scaling: cell.scaling,
    scale: coefficients.scale,
    lr_ratio_a: coefficients.lrRatioA,
    lr_ratio_b: coefficients.lrRatioB,
    seed,
    trial,
    outcome: trajectory.outcome,
    time: trajectory.time,
    accepted_steps: trajectory.acceptedSteps,
    rejected_steps: trajectory.rejectedSteps,
    evaluations: trajectory.evaluations,
    loss: last.loss,
    accuracy: accuracyOf(cell, last),
    excess: optimum === null ? null : last.loss - optimum,
    distance: last.distance,
    gradient_norm: last.gradientNorm,
    balancedness: last.balancedness,
    time_to_optimum: timeToOptimum(cell, trajectory),
  };
}

/**
 * First time, log-linear between save points, at which sqrt(f / f(W0)) is at most 1.01 times the law; if that is so at
 * the first save point, its time, which is then an upper bound.
 */
function timeToOptimum(cell: Cell, { saved, last, outcome }: Trajectory): number | null {
  const law = cell.problem.structure.kind === 'trace' ? null : lawOf(cell);
  if (law === null) return null;
  const goal = 1.01 * law.value;
  const points = [...saved, outcome === 'stationary' ? last : null]
    .filter((point) => point !== null)
    .sort((a, b) => a.time - b.time)
    .map((point) => ({ time: point.time, value: accuracyOf(cell, point) }));
  const first = points.findIndex(({ value }) => value <= goal);
  const reached = points[first];
  const before = points[first - 1];
  if (!reached || !before || before.time === 0) return reached?.time ?? null;
  const fraction = (before.value - goal) / (before.value - reached.value);
  return before.time * (reached.time / before.time) ** fraction;
}

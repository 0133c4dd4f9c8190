/** One trial of a sweep as one row of its results. */
import { nameOf } from '../flow/flow.js';
import { succeeded, type Outcome } from '../method/outcome.js';
import { optimumOf } from '../problem/optimumOf.js';
import type { Trajectory } from '../solver/chunk.js';
import { biasBound } from './bias.js';
import { unobserved, type Observables } from '../solver/observables.js';
import type { SweepConfig } from './config.js';
import { accuracyOf, followsGradientFlow } from './law.js';
import type { Cell } from './plan.js';
import { endOf, isNearTo, type Stationarity } from './stationarity.js';

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
  readonly flow: string;
  readonly decay: number;
  readonly coupled_decay: number;
  readonly seed: number;
  /** Standard deviation of the noise on the target; null without. */
  readonly noise: number | null;
  /** Samples that training sees, and the standard deviation of their labels' noise; null without. */
  readonly samples: number | null;
  readonly label_noise: number | null;
  /** Number of the draw of the target, from 0. */
  readonly draw: number;
  readonly trial: number;
  readonly outcome: Outcome;
  /** Time t of the last state. */
  readonly time: number;
  readonly accepted_steps: number;
  readonly rejected_steps: number;
  readonly evaluations: number;
  /** Loss at the last state; for a diverged trajectory, at the last finite one. */
  readonly loss: number;
  readonly accuracy: number;
  /** Squared error against the clean target, and relative to that of W0; null where training sees that target itself. */
  readonly risk: number | null;
  readonly risk_relative: number | null;
  /** Loss above the optimum of this rank; null if that is unknown. */
  readonly excess: number | null;
  readonly distance: number | null;
  readonly gradient_norm: number;
  /** Null where a factor is frozen. */
  readonly balancedness: number | null;
  /** Observables of the last state, as src/solver/observables.ts has them; null where they are not asked for. */
  readonly stable_rank: number | null;
  readonly effective_rank: number | null;
  /** Radians. */
  readonly angle_left: number | null;
  readonly angle_right: number | null;
  readonly sharpness: number | null;
  readonly largest_step: number | null;
  readonly intruders: number | null;
  /** Kind of the end: the optimum, short of it, a saddle, or not stationary. */
  readonly stationarity: Stationarity;
  /** The most that the accuracy of a stationary end lies off that of the flow's end; null if that is unknown. */
  readonly accuracy_bias: number | null;
  /**
   * When the loss came near the optimum, between two observations: the last time at which it was not yet within 1 % of
   * the optimum's relative error and 0.1 % of that at W0, and the first at which it was. 0 and a time if that is the
   * first observation; a time and null if it did not come near; null and null if no optimum is known.
   */
  readonly time_to_optimum_after: number | null;
  readonly time_to_optimum_by: number | null;
};

/** A trial that has been computed: its row, and what is kept of it beside. */
export interface Trial {
  readonly row: TrialRow;
  /** Loss at the save times; null where the trajectory had failed, or its loss is not finite. */
  readonly curve: readonly (number | null)[];
  /** Risk at the save times, likewise; empty without one. */
  readonly riskCurve?: readonly (number | null)[];
}

/** Columns that hold whole numbers. */
export const trialIntegers: readonly (keyof TrialRow)[] = [
  ...(['cell', 'n', 'm', 'rank', 'samples', 'draw', 'trial'] as const),
  ...(['accepted_steps', 'rejected_steps', 'evaluations', 'intruders'] as const),
];

/** Columns that hold text. */
export const trialTexts: readonly (keyof TrialRow)[] = [
  'loss_function',
  'target',
  'initialization',
  'scaling',
  'flow',
  'outcome',
  'stationarity',
];

export { succeeded };

/** Columns of the loss and of the risk at save time k. */
export type CurveColumn = `loss_at_${number}` | `risk_at_${number}`;
export const lossColumn = (k: number): CurveColumn => `loss_at_${k}`;
export const riskColumn = (k: number): CurveColumn => `risk_at_${k}`;

/** A column of a trial: of its row, or of its curves. */
export type Column = keyof TrialRow | CurveColumn;

/** Value of a column; null where there is none. */
export function valueOf({ row, curve, riskCurve = [] }: Trial, column: Column): string | number | null {
  const curves = { loss: curve, risk: riskCurve };
  const [, name, k] = /^(loss|risk)_at_(\d+)$/.exec(column) ?? [];
  return (
    (name === undefined ? row[column as keyof TrialRow] : curves[name as keyof typeof curves][Number(k)]) ??
    null
  );
}

export function trialRow(
  cell: Cell,
  trial: number,
  {
    seed,
    noise,
    samples,
    labelNoise,
    precision,
  }: Pick<SweepConfig, 'seed' | 'noise' | 'samples' | 'labelNoise' | 'precision'>,
  trajectory: Trajectory,
): TrialRow {
  const { problem, rank, coefficients, flow } = cell;
  const { last, factors, outcome } = trajectory;
  const optimum = optimumOf(problem, rank);
  const end = { ...last, factors };
  const stationarity = endOf(cell, precision, trajectory);
  return {
    cell: cell.index,
    loss_function: problem.loss.name,
    target: cell.target,
    n: problem.n,
    m: problem.m,
    rank,
    initialization: cell.initialization.name,
    scaling: cell.scaling,
    scale: coefficients.scale,
    lr_ratio_a: coefficients.lrRatioA,
    lr_ratio_b: coefficients.lrRatioB,
    flow: nameOf(flow),
    decay: flow.decay,
    coupled_decay: flow.coupledDecay,
    seed,
    noise: noise ?? null,
    samples: samples ?? null,
    label_noise: samples === undefined ? null : (labelNoise ?? 0),
    draw: cell.draw ?? 0,
    trial,
    outcome,
    time: trajectory.time,
    accepted_steps: trajectory.acceptedSteps,
    rejected_steps: trajectory.rejectedSteps,
    evaluations: trajectory.evaluations,
    loss: last.loss,
    accuracy: accuracyOf(cell, last),
    risk: last.risk,
    risk_relative: last.risk === null ? null : last.risk / problem.risk!.scale,
    excess: last.excess ?? (optimum === null ? null : last.loss - optimum),
    distance: last.distance,
    gradient_norm: last.gradientNorm,
    balancedness: last.balancedness,
    ...observableColumns(last.observables ?? unobserved),
    stationarity,
    accuracy_bias: followsGradientFlow(cell)
      ? biasBound(problem, coefficients, rank, precision, stationarity, end)
      : null,
    ...timeToOptimum(cell, trajectory),
  };
}

/** Observables by the names of their columns. */
export const observableColumns = (observables: Observables) => ({
  stable_rank: observables.stableRank,
  effective_rank: observables.effectiveRank,
  angle_left: observables.angleLeft,
  angle_right: observables.angleRight,
  sharpness: observables.sharpness,
  largest_step: observables.largestStep,
  intruders: observables.intruders,
});

/** When the loss first came near the optimum, as far as the observations tell. */
function timeToOptimum(
  { problem, rank }: Cell,
  { saved, last, outcome }: Trajectory,
): Pick<TrialRow, 'time_to_optimum_after' | 'time_to_optimum_by'> {
  const optimum = optimumOf(problem, rank);
  const { initialLoss } = problem;
  if (optimum === null || !initialLoss) return { time_to_optimum_after: null, time_to_optimum_by: null };
  let before = 0;
  for (const point of succeeded(outcome) ? [...saved, last] : saved) {
    if (!point) continue;
    if (isNearTo(point.loss, optimum, initialLoss, 0.01))
      return { time_to_optimum_after: before, time_to_optimum_by: point.time };
    before = point.time;
  }
  return { time_to_optimum_after: before, time_to_optimum_by: null };
}

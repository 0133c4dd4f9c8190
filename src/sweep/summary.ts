/** What a sweep says of its cells: statistics of the trials beside the closed-form law. */
import type { Outcome } from '../method/outcome.js';
import type { Scaling } from '../ensemble/scaling.js';

/** Float64 statistics of the finite values of a sample. `sd` and the interval are NaN below two values. */
export interface Statistic {
  readonly count: number;
  readonly mean: number;
  readonly sd: number;
  /** 95 % Student-t confidence interval of the mean. */
  readonly ciLow: number;
  readonly ciHigh: number;
  readonly p05: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
}

/** What "accuracy" is measured by. */
export type Metric = 'relative error' | 'distance from full fine-tuning' | 'loss';

export interface CurvePoint {
  readonly time: number;
  /** Of the loss over the cell's finite trajectories. */
  readonly loss: Statistic;
  /** Closed-form loss at this time where there is one. */
  readonly closedForm: number | null;
  /** Loss of full fine-tuning at this time where it is known. */
  readonly fullFineTuning: number | null;
}

/** One cell of a sweep: a problem, a rank, an initialization and a scaling, with all their trials. */
export interface CellSummary {
  readonly cell: number;
  readonly loss: string;
  readonly target: string;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly initialization: string;
  readonly scaling: Scaling;
  /** The factor s of W = W0 + s B A. */
  readonly scale: number;
  readonly metric: Metric;
  /** The closed-form value of the metric where there is one, and what it is: "Eckart-Young-Mirsky", ... */
  readonly law: { readonly value: number; readonly name: string } | null;
  /** The smallest loss of this rank, where it is known. */
  readonly optimum: number | null;
  readonly accuracy: Statistic;
  /** (mean square - law squared) / standard error, where that is the exact expectation of a random quantity. */
  readonly zScore: number | null;
  readonly trials: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /**
   * Stationary trials whose relative error is more than 0.1 % above the optimum's: stopped, but at or near a saddle.
   * Null where no positive optimum is known.
   */
  readonly atSaddle: number | null;
  /** Time at which a trajectory's relative error came within 1 % of the optimum, over those that did. */
  readonly timeToOptimum: Statistic;
  readonly steps: Statistic;
  readonly curve: readonly CurvePoint[];
}

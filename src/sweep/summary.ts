/** What a sweep says of its cells: statistics of the trials beside the closed-form law. */
import type { MethodName } from '../method/methods.js';
import type { Outcome } from '../method/outcome.js';
import type { Scaling } from '../ensemble/scaling.js';
import type { Statistic } from '../numbers/statistics.js';
import type { Law } from '../problem/loss.js';
import type { MetricName } from '../problem/metric.js';
import type { Stationarity } from './stationarity.js';

export interface CurvePoint {
  readonly time: number;
  /** Statistics of the loss over the cell's finite trajectories. */
  readonly loss: Statistic;
  /** Statistics of the risk; null where there is none. */
  readonly risk: Statistic | null;
  /** Mean risk over the starts of each draw of the target [draws]; NaN where all failed, empty without a risk. */
  readonly riskByDraw: readonly number[];
  /** Closed-form loss at this time where there is one. */
  readonly closedForm: number | null;
  /** Risk along the closed-form path, where there is one. */
  readonly closedFormRisk: number | null;
  /** Loss of full fine-tuning, the gradient flow of W, at this time; null where it is unknown or has another time. */
  readonly fullFineTuning: number | null;
  /** Mean risk of full fine-tuning over all draws of the target, likewise. */
  readonly fullFineTuningRisk: number | null;
}

/**
 * One cell of a sweep: a problem, a rank, an initialization and a scaling, with all their trials. With several draws of
 * the target what is of one target alone (law, optimum, closed forms) is null, and every interval is a bootstrap over
 * the draws, whose trials are not independent (numbers/bootstrap.ts).
 */
export interface CellSummary {
  readonly cell: number;
  readonly loss: string;
  readonly target: string;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly initialization: string;
  readonly flow: string;
  readonly decay: number;
  readonly coupledDecay: number;
  /** Name of the method where that does not follow the flow: adamw, gd on minibatches ...; null where it does. */
  readonly optimizer: MethodName | null;
  readonly scaling: Scaling;
  /** The factor s of W = W0 + s B A. */
  readonly scale: number;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
  readonly metric: MetricName;
  /** The closed-form value of the metric where there is one, and what it is: "Eckart-Young-Mirsky", ... */
  readonly law: Law | null;
  /** The smallest loss of this rank, where it is known. */
  readonly optimum: number | null;
  readonly accuracy: Statistic;
  /** Draws of the target that have been computed. */
  readonly draws: number;
  /** Standard deviation of the noise on the target; null without. */
  readonly noise: number | null;
  /** Samples that training sees, and the standard deviation of their labels' noise; null without. */
  readonly samples: number | null;
  readonly labelNoise: number | null;
  /** Squared error against the clean target at the ends (problem/risk.ts); null where training sees that target. */
  readonly risk: Statistic | null;
  /** The risk relative to that of W0. */
  readonly riskRelative: Statistic | null;
  /** The risk of W0. */
  readonly riskScale: number | null;
  /** The risk at the end of the flow by the spiked model, its mean over draws; null where it has no law. */
  readonly riskLaw: number | null;
  /** Mean risk at the ends over the starts of each draw [draws]; NaN where all failed, empty without a risk. */
  readonly riskByDraw: readonly number[];
  /**
   * The most that the mean accuracy lies off that of the flow's ends, beside its interval: the mean over the trials.
   * Null where trials are not stationary, or where no bound is known.
   */
  readonly accuracyBias: number | null;
  /** Accuracies below this cannot be told from 0 at the precision of the trials; null if that is unknown. */
  readonly accuracyFloor: number | null;
  /** (mean square - law squared) / standard error, where that is the exact expectation of a random quantity. */
  readonly zScore: number | null;
  /** The most of the z-score that the bias can account for; null where that of the accuracy is. */
  readonly zScoreBias: number | null;
  readonly trials: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Trials by what their end is. */
  readonly stationarity: Readonly<Record<Stationarity, number>>;
  /** Trials at a saddle whose loss is near the optimum's all the same. */
  readonly nearSaddles: number;
  /** The last observed time before a trajectory came near the optimum (row.ts), over those that did. */
  readonly timeToOptimumAfter: Statistic;
  /** The first observed time at which a trajectory was near the optimum, over those that came near. */
  readonly timeToOptimumBy: Statistic;
  readonly steps: Statistic;
  readonly curve: readonly CurvePoint[];
}

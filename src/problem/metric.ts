/** What the accuracy of a state is measured by. */
import type { Problem } from './problem.js';

export type MetricName = 'relative error' | 'distance from full fine-tuning' | 'loss';

/** What is measured of a state: its loss, and |s B A - D|_F, D the update that full fine-tuning ends with. */
export interface Measured {
  readonly loss: number;
  readonly distance?: number | null;
}

export interface Metric {
  readonly name: MetricName;
  accuracyOf(problem: Pick<Problem, 'initialLoss'>, measured: Measured): number;
  /**
   * The least accuracy that can be told from 0, where losses within `excess` of the optimum cannot; null if unknown.
   */
  floor(problem: Pick<Problem, 'n'>, initialLoss: number, relativeExcess: number): number | null;
  /** The most that it changes while the loss falls by `excess` to 0, where that is known without a rate. */
  farthest?(excess: number): number;
}

/** sqrt(f / f(W0)). */
export const relativeError: Metric = {
  name: 'relative error',
  accuracyOf: ({ initialLoss }, { loss }) => Math.sqrt(loss / (initialLoss as number)),
  floor: (_, __, relativeExcess) => Math.sqrt(relativeExcess),
};

/** f itself, where no optimum is known. */
export const lossItself: Metric = {
  name: 'loss',
  accuracyOf: (_, { loss }) => loss,
  floor: () => null,
};

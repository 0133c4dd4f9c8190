/**
 * What kernels observe of states where these are, so that states themselves need not come to the host: one TensorFlow.js
 * custom kernel beside that which advances them (fused.ts). In float64, and bit by bit what the twin
 * (kernels/cpu/evaluate.ts) has of the same states.
 */
import type { Precision } from '../src/numbers/precision.js';
import type { Structure } from '../src/problem/structure.js';

/** Name of the kernel. Its output has the bits of float64 numbers [to - from, each, 1], or all MEASURES of them. */
export const OBSERVE = 'RankflowObserve';

export interface ObserveInputs<Info> {
  /** [batch, each, (n + m) r]: states as the kernel that advances them has them. */
  readonly states: Info;
}

export interface ObserveAttrs {
  readonly structure: Structure;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly precision: Precision;
  /** Weights of X and of Y in the flow (src/flow/motion.ts). */
  readonly weights: readonly [x: number, y: number];
  /** Whether all measures are taken, or the loss alone. */
  readonly all: boolean;
  /** States of a trajectory, and of how many of these there is something to see [batch]. */
  readonly each: number;
  readonly reached: Int32Array;
  /** The trajectories that are observed: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** Where each measure of a state is. */
export const measures = {
  loss: 0,
  /** Loss above the optimum. */
  excess: 1,
  /** Squared norms of the descent of X and of Y. */
  slopeX: 2,
  slopeY: 3,
  /** |X^T X / wX - Y^T Y / wY|^2 for the weights of both. */
  imbalance: 4,
  /** |X Y^T - D|, D the update that full fine-tuning ends with. */
  distance: 5,
} as const;

export const MEASURES = Object.keys(measures).length;

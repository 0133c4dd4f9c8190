/** A step of a batch in tensor operations: what it begins with, what it leaves behind, and sums that schemes share. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { State } from '../../../src/method/system.js';

/**
 * Place of a batch in its flow: its state, where it is carried from step to step the slope there, and the memory of its
 * scheme, component by component (else nothing).
 */
export interface Place {
  readonly state: State;
  readonly slope: State;
  readonly memory: State;
}

/** The step of each row of a batch [batch]: its size and, where the scheme chooses it, its number of stages. */
export interface Sizes {
  readonly h: readonly number[];
  readonly stages: readonly number[];
  /** Number of the step, from 0. */
  readonly numbers: readonly number[];
  /** Rank of the adapter of the row. */
  readonly ranks: readonly number[];
}

/** Results of a step, each [batch, ...] per component. */
export interface Step {
  readonly next: Tensor3D[];
  /** Slope by which a trajectory is judged stationary; of a scheme that carries slopes the one at `next`. */
  readonly slope: State;
  /** The estimated error divided by h; null without an estimate. */
  readonly error: Tensor3D[] | null;
  /** The same of a second estimate, of a lower order; left out by those without. */
  readonly lowError?: Tensor3D[];
  /** The memory of the scheme after the step; nothing of those without. */
  readonly memory?: State;
}

/** One number for each row of the batch [batch, 1, 1]. */
export const column = (values: readonly number[]): Tensor3D =>
  tf.tensor3d([...values], [values.length, 1, 1]);

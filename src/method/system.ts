/**
 * What a method advances: a batch of independent autonomous differential equations as tensor operations.
 *
 * LoRA systems are held in the factors of src/flow/normalization.ts, X [batch, n, r] and Y [batch, m, r] of
 * s B A = X Y^T, and their time tau. The gradient flow's are normalized, so that s, kA and kB drop out:
 * dX/dtau = -G Y,  dY/dtau = -G^T X,  and a step h of either factor's learning rate is c h in tau, c = s sqrt(kA kB).
 */
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Motion } from '../flow/motion.js';

/** The components of a state, each [batch, ...]. */
export type State = readonly Tensor3D[];

export interface System {
  /** Time derivative of every component. */
  derivative(state: State): Tensor3D[];
  /** Time derivative of one component. */
  component(index: number, state: State): Tensor3D;
  /** By what its components move along their descents. */
  readonly motion: Motion;
  /** What the rule of the motion is given of every component: descent_i - coupled_i Z_i; zeros of a frozen one. */
  descents(state: State): Tensor3D[];
  /** The same of one component. */
  descent(index: number, state: State): Tensor3D;
  /**
   * The system of a loss over samples with the mean over those of each row alone, indices [batch, B]; absent of others. It
   * shares the constants of this one.
   */
  over?(samples: Tensor2D): System;
  /** Frees the constants held on the device. */
  dispose(): void;
}

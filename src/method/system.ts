/**
 * What a method advances: a batch of independent autonomous differential equations as tensor operations.
 *
 * LoRA systems are held in normalized factors X = sqrt(c / kB) B [batch, n, r] and Y = sqrt(c / kA) A^T
 * [batch, m, r], c = s sqrt(kA kB), and normalized time tau = c t. There s, kA and kB drop out:
 * s B A = X Y^T,  dX/dtau = -G Y,  dY/dtau = -G^T X,  and a step h of either factor's learning rate is c h in tau.
 */
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Motion } from '../flow/motion.js';

/** The components of a state, each [batch, ...]. */
export type State = readonly Tensor3D[];

export interface System {
  /** Index of a component that never moves, whose derivative is zero (default: none). */
  readonly frozen?: number;
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

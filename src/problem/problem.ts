/**
 * A problem: a loss f of W = W0 + s B A, its frozen W0, and what is known of it in closed form. Problems are plain
 * data in float64; how their flows are computed is told by `structure`, which the kernels read.
 */
import type { Dense } from '../numbers/dense.js';
import type { Triples } from '../numbers/triples.js';
import type { Frame } from './frame.js';
import type { Loss } from './loss.js';
import type { Risk } from './risk.js';
import type { Structure } from './structure.js';

export interface Problem<S extends Structure = Structure> {
  readonly loss: Loss<S>;
  /** Rows of W (out features) and columns of W (in features). */
  readonly n: number;
  readonly m: number;
  readonly structure: S;
  /** The rotation from the coordinates of `structure` back to those of W, or null if they are the same. */
  readonly frame: Frame | null;
  /** What the error against the clean target is measured by, where training does not see that target. */
  readonly risk?: Risk;
  /** f(W0), or null if only a device can evaluate it. */
  readonly initialLoss: number | null;
  /** The smallest loss that an adapter of this rank can reach, or null if unknown. */
  optimum(rank: number): number | null;
  /** Largest rank whose optimum is known with no more work than that of `rank`, and all before it; absent: all are. */
  optimaKnown?(rank: number): number;
  /** Loss of full fine-tuning (dW/dt = -grad f) at time t, or null if there is no closed form. */
  fullFineTuningLoss(t: number): number | null;
  /** Risk of full fine-tuning at time t; absent where there is no closed form. */
  fullFineTuningRisk?(t: number): number;
  /** Exponential rate of the slowest part of W under full fine-tuning, per unit of time; null if unknown. */
  readonly fullFineTuningRate: number | null;
  /**
   * Unit vectors v_1, ..., v_r, [rank, m]: the leading right singular vectors of grad f(W0), in the coordinates of
   * `structure`.
   */
  spectralDirections(rank: number): Dense;
  /**
   * The leading `count` singular triples of -grad f(W0), the direction of descent, in the coordinates of `structure`. In
   * those of W, the first of the largest entries of each left vector is positive, as `svd` has it.
   */
  descentTriples(count: number): Triples;
  /** Spectral norm of grad f(W0): the largest rate at which a small adapter grows (s = kA = kB = 1). */
  readonly rate: number;
  /** grad f(W0 + update) and the loss there, update [n, m] in the coordinates of `structure`; null for autodiff. */
  valueAndGradient(update: Dense): { readonly value: number; readonly gradient: Dense } | null;
}

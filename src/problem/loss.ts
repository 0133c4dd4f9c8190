/**
 * What is asked of a loss: what accuracy means, its laws and closed forms, and for a built-in one how its problems are
 * made, drawn at random and defined. A loss is one object in one file; src/problem/losses.ts has all that are built in.
 */
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Motion } from '../flow/motion.js';
import type { Symmetries } from '../flow/rules.js';
import type { Dense } from '../numbers/dense.js';
import type { ClosedForm } from './closedForm.js';
import type { Factors } from './factors.js';
import type { Metric } from './metric.js';
import type { Saddle } from './nearestSaddles.js';
import type { Problem } from './problem.js';
import type { CurvatureKey, Shape, Source } from './source.js';
import type { Structure } from './structure.js';

/** Law of the entries of A0 where B0 = 0, which some closed-form expectations need. */
export type DrawLaw = 'gaussian' | 'orthonormal-rows' | 'other';

/**
 * Dimensions of the subspaces row(A0) and col(B0) where the mean of the projection on them over draws is a multiple of I;
 * 0 of a zero factor, null where it is no multiple.
 */
export interface Spans {
  readonly a: number | null;
  readonly b: number | null;
}

/** What an end depends on beside the problem: how factors are drawn and how they move. */
export interface Setting {
  readonly rank: number;
  readonly draw: DrawLaw;
  readonly spans: Spans;
  readonly motion: Motion;
}

/** The closed-form value of a metric at the end of the flow, and its name. */
export interface Law {
  readonly value: number;
  readonly name: string;
}

/** A start that is drawn, as late rates depend on it. */
export interface DrawnStart {
  readonly rank: number;
  /** Mean |X0|_F^2 and |Y0|_F^2 of normalized factors; 0 of zero ones alone. */
  readonly x: number;
  readonly y: number;
  /**
   * Whether the modes of a start move alone: along the leading singular vectors, or a multiple of an orthogonal matrix.
   */
  readonly isAligned: boolean;
  /** Relative rounding of the singular values of the problem; 0 where they are given. */
  readonly rounding: number;
  readonly motion: Motion;
}

/** U [n, n] and V [m, m], orthogonal. */
export interface Sides {
  readonly left: Dense;
  readonly right: Dense;
}

export interface Loss<S extends Structure = Structure> {
  readonly name: string;
  readonly metric: Metric;
  /** Whether optima come from singular values, so that computed ones carry rounding. */
  readonly isSpectral: boolean;
  /** The law of the metric at the end, or null if none is known. */
  law(problem: Problem<S>, setting: Setting): Law | null;
  /** Exact mean of the squared metric over draws, where it is random at the end; else null. */
  expectedSquare(problem: Problem<S>, setting: Setting): number | null;
  /** |dW_LoRA - dW_FPFT|_F between the ends of LoRA and full fine-tuning, or null if it is unknown. */
  distance(problem: Problem<S>, setting: Setting): number | null;
  /** The loss at the end of a flow that rests elsewhere than at the optimum, from factors late on; null if unknown. */
  lossAtEnd(problem: Problem<S>, factors: Factors, motion: Motion): number | null;
  /** Whether the loss along the gradient flow is the same for all draws of this law. */
  isCurveShared(draw: DrawLaw): boolean;
  /** The path from factors of a motion in the problem's coordinates, or null without a closed form. */
  closedForm(problem: Problem<S>, factors: Factors, motion: Motion, rounding?: number): ClosedForm | null;
  /** Exponential rate of late approach by the time of the motion from drawn starts, or null if it is unknown. */
  lateRate(problem: Problem<S>, start: DrawnStart): number | null;
  /** The saddles that lie nearest above the optimum; those that gain at most `floor` of loss are left out. */
  saddles(problem: Problem<S>, rank: number, floor: number): Saddle[];
  /** Singular values of X Y^T in the norm of the loss, largest first: what saddles are told by. */
  weightedSingularValues(problem: Problem<S>, factors: Factors): number[];
  /**
   * A rate by normalized time that an approach to the optimum from near it is not slower than, or null if none is
   * known: where the Hessian has directions that do not curve.
   */
  rateNearOptimum(problem: Problem<S>, factors: Factors): number | null;
  /** The `rank` leading singular values that an update aims at, or null if they are unknown. */
  targetSingularValues(problem: Problem<S>, rank: number): number[] | null;
}

/** What a loss answers where nothing is known in closed form. */
export const unknownForms = {
  expectedSquare: () => null,
  distance: () => null,
  lossAtEnd: () => null,
  isCurveShared: () => false,
  closedForm: () => null,
  lateRate: () => null,
  rateNearOptimum: () => null,
  targetSingularValues: () => null,
} satisfies Partial<Loss>;

/** Needs of a closed form alone: ranks up to `most`, and singular vectors or not. */
export interface ClosedFormNeeds {
  readonly most: number;
  readonly vectors: boolean;
  readonly seed: number;
  /** Gets a line now and then while a decomposition takes its time. */
  tell(line: string): void;
}

/** f(W) as it is defined, of matrices that it takes (M, covariances ...). */
export interface Formula {
  /**
   * W [batch, n, m] -> [batch]; by the methods of tensors, so that a loss can be named without loading TensorFlow.js.
   */
  tensor(w: Tensor3D, ...matrices: Tensor2D[]): Tensor1D;
  /** W [n, m], row-major, in float64. */
  host(w: Float64Array, ...matrices: Dense[]): number;
}

/** Random matrices that a problem to verify on is made of. */
export interface MatrixDraws {
  /** A matrix [n, m] of spectral norm about 1. */
  matrix(n: number, m: number): Dense;
  /** A well-conditioned covariance [m, m]. */
  covariance(m: number): Dense;
}

/** A kind of random problem that a loss is verified on. */
export interface Example {
  readonly name: string;
  /** The problem of W0 = base [n, m], and the matrices of its formula. */
  make(base: Dense, draws: MatrixDraws): { readonly problem: Problem; readonly matrices: readonly Dense[] };
}

/** A loss that a user can name. */
export interface BuiltInLoss<S extends Structure = Structure> extends Loss<S> {
  /** The matrix that the loss is about: a target M for W, or W0 itself. */
  readonly matrix: 'target' | 'base';
  /** Part of W0 that the loss depends on. */
  readonly dependsOn: 'matrix' | 'trace';
  /** Whether W must be square. */
  readonly square: boolean;
  /** The curvature matrices that the loss takes. */
  readonly curvatures: readonly CurvatureKey[];
  /** Whether training may see its target with noise (default: not). */
  readonly takesNoise?: boolean;
  /** Whether training may see samples in the place of its target (default: not). */
  readonly takesSamples?: boolean;
  /**
   * The problem on a source, with W0 = base: in the coordinates of W where its trajectories are not to be rotated.
   * @throws InputError if it lacks what it needs, or is of a scale at which its flow cannot be followed
   */
  problem(source: Source, shape: Shape, base: Dense | null, symmetries: Symmetries): Problem;
  /** The problem for closed forms alone, where that is less work; null where it is not. */
  leanProblem?(source: Source, shape: Shape, needs: ClosedFormNeeds): Problem | null;
  readonly formula: Formula;
  readonly examples: readonly Example[];
  /** The problem of f(U^T . V), made anew from its matrices; of a square one that knows the trace alone, V = U. */
  rotated(problem: Problem<S>, sides: Sides): Problem;
}

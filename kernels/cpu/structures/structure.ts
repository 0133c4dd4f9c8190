/** The words of the float64 twin of a structure: what each of the files beside this one says of its kind. */
import { gram } from '../../../src/numbers/gram.js';

export interface Evaluation {
  readonly loss: number;
  /** Loss above the least of the rank, without cancellation; null where it is no more than a difference. */
  readonly excess: number | null;
  /** The descent of X and of Y, -G Y [n, r] and -G^T X [m, r]; a flow (src/flow) makes derivatives of it. */
  readonly dX: Float64Array;
  readonly dY: Float64Array;
  /** |X Y^T - D|_F, D the update that full fine-tuning ends with; null where that is not at hand. */
  readonly distance: number | null;
}

/** Factors with their Gram matrices X^T X and Y^T Y [r, r]. */
export interface WithGrams {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly r: number;
  readonly xx: Float64Array;
  readonly yy: Float64Array;
}

/** The evaluation at X [n, r] and Y [m, r], with X^T X and Y^T Y [r, r], which it needs. */
export type Evaluate = (
  x: Float64Array,
  y: Float64Array,
  r: number,
) => Evaluation & Pick<WithGrams, 'xx' | 'yy'>;

/** The descent at X [n, r] and Y [m, r]. */
export type DescentAt = (x: Float64Array, y: Float64Array, r: number) => Pick<Evaluation, 'dX' | 'dY'>;

/** The loss at X [n, r] and Y [m, r]. */
export type LossAt = (x: Float64Array, y: Float64Array, r: number) => number;

/** The float64 twin of one kind of structure. */
export interface StructureTwin<S> {
  /** Whether the loss above the optimum comes out without cancellation. */
  readonly resolvesExcess: boolean;
  /** Prepares the evaluation: what does not depend on the state is computed once. */
  evaluator(structure: S): Evaluate;
  /** Prepares the evaluation of the loss alone. */
  lossOf(structure: S): LossAt;
}

/** An evaluation that takes the Gram matrices of both factors as they are. */
export const withGrams =
  (at: (factors: WithGrams) => Evaluation): Evaluate =>
  (x, y, r) => {
    const [xx, yy] = [gram(x, x, r), gram(y, y, r)];
    return { ...at({ x, y, r, xx, yy }), xx, yy };
  };

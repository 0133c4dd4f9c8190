/** The words of a rule as tensor operations: what each of the files beside this one says of its own. */
import type { Tensor3D } from '@tensorflow/tfjs';

/**
 * The movement of X (index 0) or Y (1) for its descent [batch, rows, width], at factors [X, Y] and a damping in their
 * units. Columns that are zero in both factors, as padding is, stay so, and nothing else depends on them; nor does a
 * trajectory on its neighbours. Call inside tf.tidy.
 */
export type Rule = (
  index: 0 | 1,
  descent: Tensor3D,
  factors: readonly [Tensor3D, Tensor3D],
  damping: number,
) => Tensor3D;

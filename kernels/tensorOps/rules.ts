/** How a factor moves by what is left of its descent, by every rule of src/flow, in tensor operations. */
import type { Tensor3D } from '@tensorflow/tfjs';
import type { FlowRule } from '../../src/flow/flow.js';

/**
 * The movement of X (index 0) or Y (1) for its descent [batch, rows, width], at factors [X, Y] and a damping in their
 * units. Zero columns stay so. Call inside tf.tidy.
 */
export type Rule = (
  index: 0 | 1,
  descent: Tensor3D,
  factors: readonly [Tensor3D, Tensor3D],
  damping: number,
) => Tensor3D;

export const rules: { readonly [R in FlowRule]: Rule } = {
  gradient: (_, descent) => descent,
};

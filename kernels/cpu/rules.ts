/** How a factor moves by what is left of its descent, by every rule of src/flow, in float64. */
import type { FlowRule } from '../../src/flow/flow.js';

/**
 * The movement of X [n, rank] (index 0) or Y [m, rank] (1) for its descent, at factors [X, Y] and a damping in their
 * units.
 */
export type Rule = (
  index: 0 | 1,
  descent: Float64Array,
  factors: readonly [Float64Array, Float64Array],
  rank: number,
  damping: number,
) => Float64Array;

export const rules: { readonly [R in FlowRule]: Rule } = {
  gradient: (_, descent) => descent,
};

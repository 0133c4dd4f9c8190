/** The words of a rule in float64: what each of the files beside this one says of its own. */

/**
 * The movement of X [n, rank] (index 0) or Y [m, rank] (1) for its descent, at factors [X, Y] and a damping in their
 * units. Columns that are zero in both factors do not move, and nothing else depends on them.
 */
export type Rule = (
  index: 0 | 1,
  descent: Float64Array,
  factors: readonly [Float64Array, Float64Array],
  rank: number,
  damping: number,
) => Float64Array;

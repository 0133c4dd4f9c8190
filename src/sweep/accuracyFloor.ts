/**
 * Below what a computation can tell a loss from the optimum: the state's rounding, and that of the numbers that are
 * subtracted. What lies below is kept in files as it is and printed as "< floor".
 */
import type { Precision } from '../../kernels/fused.js';
import type { Problem } from '../problem/problem.js';
import { metricOf } from './law.js';
import type { Cell } from './plan.js';

/** Half a unit in the last place of a number near 1. */
const rounding = { float32: 2 ** -24, float64: 2 ** -53 } as const;

/**
 * Rounding errors of the state that an end keeps, relative to sqrt(f(W0)). Measured at the end of long float32
 * integrations without a stop rule, for spectra 1/i, e^(-i/2) and steps, from 16 x 16 to 128 x 128: 7 to 32.
 */
const ROUNDINGS = 32;

/**
 * The least excess f - f* that means more than rounding, or null where f(W0) is unknown: that of a state whose rounding
 * moves it off the optimum, in second order, and that of f - f* as a difference of two float64 numbers.
 */
export function excessFloor(
  { initialLoss, optimum }: Pick<Problem, 'initialLoss' | 'optimum'>,
  rank: number,
  precision: Precision,
): number | null {
  if (!initialLoss) return null;
  const ofState = (ROUNDINGS * rounding[precision]) ** 2 * initialLoss;
  return ofState + 8 * rounding.float64 * (optimum(rank) ?? 0);
}

/** The least accuracy that means more than rounding, or null where that is unknown. */
export function accuracyFloor(cell: Cell, precision: Precision): number | null {
  const { problem } = cell;
  const share = ROUNDINGS * rounding[precision];
  switch (metricOf(cell)) {
    case 'relative error':
      return problem.initialLoss ? share : null;
    case 'distance from full fine-tuning':
      // Of full fine-tuning's own way, |tr W0| / sqrt(n); its square is a difference of float64 numbers.
      return (
        Math.max(share, Math.sqrt(8 * rounding.float64)) * Math.sqrt((2 * problem.initialLoss!) / problem.n)
      );
    case 'loss':
      return null;
  }
}

/**
 * Below what a computation can tell a loss from the optimum: the rounding of the state, and of the float64 numbers that
 * the loss and its excess are differences of. What lies below is kept in files as it is and printed as "< floor".
 */
import { resolvesExcess } from '../../kernels/cpu/evaluate.js';
import type { Precision } from '../numbers/precision.js';
import type { Problem } from '../problem/problem.js';
import type { Cell } from './plan.js';

/** Half a unit in the last place of a number near 1. */
const rounding = { float32: 2 ** -24, float64: 2 ** -53 } as const;

/**
 * Rounding errors of the state that an end keeps, relative to sqrt(f(W0)). Measured at the end of long float32
 * integrations without a stop rule, for spectra 1/i, e^(-i/2) and steps, from 16 x 16 to 128 x 128: 7 to 32.
 */
const OF_STATE = 32;

/**
 * Rounding errors of the float64 numbers of the size of f(W0) that a loss is summed from: 9 were seen. Where
 * the excess is evaluated without cancellation it has none of them.
 */
const OF_LOSS = 16;

/** The least excess that means more than rounding, relative to f(W0): an error of the state counts in second order. */
const relativeExcess = ({ structure }: Pick<Problem, 'structure'>, precision: Precision): number =>
  (OF_STATE * rounding[precision]) ** 2 + (resolvesExcess(structure) ? 0 : OF_LOSS * rounding.float64);

/** The least excess f - f* that means more than rounding, or null where f(W0) is unknown. */
export const excessFloor = (
  problem: Pick<Problem, 'initialLoss' | 'structure'>,
  precision: Precision,
): number | null => (problem.initialLoss ? relativeExcess(problem, precision) * problem.initialLoss : null);

/** The least accuracy that can be told from 0, or null where that is unknown. */
export const accuracyFloor = ({ problem }: Cell, precision: Precision): number | null =>
  problem.initialLoss
    ? problem.loss.metric.floor(problem, problem.initialLoss, relativeExcess(problem, precision))
    : null;

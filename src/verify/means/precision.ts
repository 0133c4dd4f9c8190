/** Error budgets that follow from the precision of a backend. */
import { norm, type State64 } from '../../../kernels/cpu/state.js';
import type { BackendInfo } from '../../backend/backend.js';
import type { Case } from '../cases.js';
import { atMost, type Allowed } from '../check.js';

type Precise = Pick<BackendInfo, 'precision'>;

/** Largest relative error of one rounding: of float32, or of TensorFloat-32 where that enters matrix products. */
export const unitRoundoff = ({ precision }: Precise): number =>
  precision === 'reduced' ? 2 ** -11 : 2 ** -24;

/** "float32 (2^-24)", for reasons. */
export const roundingName = ({ precision }: Precise): string =>
  precision === 'reduced'
    ? 'matrix products of reduced precision, as TensorFloat-32 (2^-11)'
    : 'float32 (2^-24)';

/** Roundings one after another in an evaluation of the flow: the sums of its products, and a few more. */
const roundingsOf = ({ problem: { n, m }, rank }: Case): number => n + m + 2 * rank + 8;

/** Largest relative error of an evaluation of the flow of a case, or of its derivative. */
export function flowBudget(backend: Precise, at: Case): Allowed {
  const roundings = roundingsOf(at);
  return atMost(
    4 * roundings * unitRoundoff(backend),
    `${roundings} roundings in a row of ${roundingName(backend)}, times 4 for terms that cancel`,
  );
}

/**
 * Step of the five-point formula in the precision of a backend, for functions of scale about 1: it balances truncation,
 * O(step^4), and rounding, O(u / step).
 */
export const tensorStep = (backend: Precise): number => unitRoundoff(backend) ** (1 / 5);

/**
 * Largest relative error of a trajectory over a time in which its largest rate times time is at most `horizon`: the
 * state, always float32, is rounded in every stage of every step, and the products of the flow pass on their two
 * roundings, by as much as nearby trajectories part.
 */
export function trajectoryBudget(backend: Precise, stages: number, horizon: number): Allowed {
  const parting = Math.exp(horizon);
  return atMost(
    stages * 2 ** -24 + 2 * parting * unitRoundoff(backend),
    `${stages} stages, each with a float32 rounding of the state, and two roundings of ${roundingName(backend)} in the flow, times e^${horizon} for trajectories that part`,
  );
}

/** |a - b| / |b| over all components. */
export function relativeError(a: State64, b: State64): number {
  const difference = a.map((z, c) => z.map((value, i) => value - b[c]![i]!));
  return norm(difference) / norm(b);
}

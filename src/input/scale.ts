/** The range of clocks: starts are multiplied by the root of the clock, and times divided by it. */
import type { Coefficients } from '../flow/coefficients.js';
import { clock } from '../flow/normalization.js';
import type { Flow } from '../flow/flow.js';
import { InputError } from '../host/inputError.js';
import { isWithin } from '../problem/scale.js';

/** @throws InputError if the clock of a flow is outside the range, or both factors are frozen */
export function checkClock(coefficients: Coefficients, flow: Flow): void {
  const perTime = clock(coefficients, flow);
  if (isWithin(perTime)) return;
  const { scale, lrRatioA, lrRatioB } = coefficients;
  throw new InputError(
    'scale',
    `s = ${scale}, kA = ${lrRatioA}, kB = ${lrRatioB}`,
    'such that s sqrt(kA kB) is from 1e-10 to 1e10 (s^2 kB where A is frozen, s^2 kA where B is), where float32 follows the flow',
  );
}

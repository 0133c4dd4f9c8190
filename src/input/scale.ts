/** The range of clocks: starts are multiplied by the root of the clock, and times divided by it. */
import { clock, type Coefficients } from '../ensemble/adapter.js';
import { InputError } from '../host/inputError.js';
import { isWithin } from '../problem/scale.js';

/**
 * Starts are multiplied by the root of s sqrt(kA kB), and times divided by it.
 * @throws InputError if that is outside the range
 */
export function checkClock(coefficients: Coefficients): void {
  const perTime = clock(coefficients);
  if (isWithin(perTime)) return;
  const { scale, lrRatioA, lrRatioB } = coefficients;
  throw new InputError(
    'scale',
    `s = ${scale}, kA = ${lrRatioA}, kB = ${lrRatioB}`,
    'such that s sqrt(kA kB) is from 1e-10 to 1e10, where float32 follows the flow',
  );
}

/**
 * The scales at which a flow can be followed. Under E -> k E the flow is the same with times divided by k and factors
 * multiplied by sqrt(k), but starts have a size of their own, so that nothing is rescaled for the user. Single
 * precision squares norms of k^(3/2): tensor operations and kernels alike fail from 1e13 up and from 1e-14 down (from
 * 1e-12, the default absolute tolerance is too wide), as tried on every built-in loss.
 */
import { InputError } from '../host/inputError.js';

const SMALLEST = 1e-10;
const LARGEST = 1e10;

/** Whether float32 follows a flow of this scale. */
export const isWithin = (scale: number) => scale >= SMALLEST && scale <= LARGEST;

/** Quantity that the remedy changes: the target and with it the size of factors, or the speed of the flow alone. */
export type Scaled = 'target' | 'speed';

/**
 * @param field the key that sets the scale, and what it is that has it
 * @param scaled what multiplying it changes
 * @throws InputError if a scale is outside the range; zero passes, as there is nothing to lose in it
 */
export function checkScale(field: string, what: string, scale: number, scaled: Scaled): void {
  if (scale === 0 || isWithin(scale)) return;
  const exponent = -Math.round(Math.log10(scale));
  const remedy = Number.isFinite(exponent)
    ? `; multiply it by k = 1e${exponent}: times are then divided by k${scaled === 'target' ? ' and factors multiplied by sqrt(k)' : ''}`
    : '';
  throw new InputError(
    field,
    `${what} ${scale.toPrecision(3)}`,
    `from 1e-10 to 1e10, where float32 follows the flow${remedy}`,
  );
}

/** The power iteration that tells the stabilized method the spectral radius of the linearized flow. */
import { derivative } from '../flow';
import { NUDGE, Part } from '../generated/constants';
import { movingAt, movingBytes, stateBytes } from '../shape';
import { direction, error, nextDirection } from '../slots';
import { combine, difference, norm, term } from '../vectors';

/**
 * Iterates with the Jacobian at z, whose slope is given: writes the next direction, and returns the spectral radius.
 */
export function powerIteration(z: usize, slope: usize): f64 {
  const length = NUDGE * norm(z, stateBytes);
  const per = norm(direction + movingAt, movingBytes);
  const usable = per > 0 && per < Infinity;
  term(1, z);
  term(length / (usable ? per : norm(slope + movingAt, movingBytes)), usable ? direction : slope);
  combine(error, movingAt, movingBytes);
  derivative(nextDirection, error, Part.BOTH);
  return difference(nextDirection, nextDirection, slope, movingAt, movingBytes) / length;
}

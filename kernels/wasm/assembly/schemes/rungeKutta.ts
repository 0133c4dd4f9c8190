/** A step of an explicit Runge-Kutta method, whose tableau is in the coefficients. */
import { derivative } from '../flow';
import { Control, Part } from '../generated/constants';
import { parameters } from '../parameters';
import { stateBytes } from '../shape';
import { error, inner, next, nextSlope, slope, state, stride } from '../slots';
import { h } from '../track';
import { combine, norm, term } from '../vectors';

/** Returns the norm of the error over h: 0 where it is not estimated. */
export function rungeKutta(): f64 {
  const stages = parameters.stages;
  if (!parameters.sharesLast) derivative(slope, state, Part.BOTH);
  for (let i = 1; i < stages; i++) {
    term(1, state);
    slopes(i - 1, i, h);
    combine(next, 0, stateBytes);
    derivative(slopeOf(i), next, Part.BOTH);
  }
  if (!parameters.sharesLast) {
    term(1, state);
    slopes(stages - 1, stages, h);
    combine(next, 0, stateBytes);
  }
  if (parameters.control == Control.FIXED) return 0;
  slopes(stages, stages, 1);
  combine(error, 0, stateBytes);
  return norm(error, stateBytes);
}

function slopeOf(stage: i32): usize {
  if (stage == 0) return slope;
  return stage == parameters.stages - 1 ? nextSlope : inner + (stage - 1) * stride;
}

/** Adds the slopes of the first stages, with the weights of a row of the tableau. */
function slopes(row: i32, count: i32, factor: f64): void {
  const weights = parameters.coefficients + 8 * row * parameters.stages;
  for (let j = 0; j < count; j++) term(factor * load<f64>(weights + 8 * j), slopeOf(j));
}

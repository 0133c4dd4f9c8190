/** A step of an explicit Runge-Kutta method, whose tableau is in the coefficients. */
import { errorOfTwo } from '../control';
import { derivative } from '../flow';
import { Control, Part } from '../generated/constants';
import { parameters } from '../parameters';
import { movingAt, movingBytes } from '../shape';
import { error, inner, next, nextSlope, slope, state, stride } from '../slots';
import { h } from '../track';
import { combine, norm, term } from '../vectors';

/** Returns the norm of the error over h: 0 where it is not estimated. */
export function rungeKutta(): f64 {
  const stages = parameters.stages;
  const sharesLast = parameters.sharesLast != 0;
  const row = 8 * <usize>stages;
  let weights = parameters.coefficients;
  if (!sharesLast) derivative(slope, state, Part.BOTH);
  for (let i = 1; i < stages; i++, weights += row) {
    term(1, state);
    slopes(weights, i, h);
    combine(next, movingAt, movingBytes);
    derivative(slopeOf(i, stages), next, Part.BOTH);
  }
  if (!sharesLast) {
    term(1, state);
    slopes(weights, stages, h);
    combine(next, movingAt, movingBytes);
  }
  if (parameters.control == Control.FIXED) return 0;
  const estimated = errorBy(weights + row);
  return parameters.twoErrors ? errorOfTwo(estimated, errorBy(weights + 2 * row)) : estimated;
}

/** The norm of the error over h by the weights of a row. */
function errorBy(weights: usize): f64 {
  const stages = parameters.stages;
  slopes(weights, stages, 1);
  combine(error, movingAt, movingBytes);
  return norm(error + movingAt, movingBytes);
}

function slopeOf(stage: i32, stages: i32): usize {
  if (stage == 0) return slope;
  return stage == stages - 1 ? nextSlope : inner + (stage - 1) * stride;
}

/** Adds the slopes of the first stages, with the weights of a row of the tableau. */
function slopes(weights: usize, count: i32, factor: f64): void {
  const stages = parameters.stages;
  for (let j = 0; j < count; j++) term(factor * load<f64>(weights + 8 * j), slopeOf(j, stages));
}

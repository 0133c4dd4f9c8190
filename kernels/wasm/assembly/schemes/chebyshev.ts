/** A step of the stabilized method (src/method/schemes/chebyshev.ts), of as many stages as the plan asks for. */
import { derivative } from '../flow';
import { ERROR_OF_CHANGE, ERROR_OF_SLOPES, Part } from '../generated/constants';
import { parameters } from '../parameters';
import { movingAt, movingBytes } from '../shape';
import { error, next, nextSlope, setNext, slope, spare, state } from '../slots';
import { h, stages } from '../track';
import { combine, norm, term } from '../vectors';

/** Returns the norm of the error over h. */
export function chebyshev(): f64 {
  let at = parameters.coefficients + 8 * (2 * stages - 1) * (stages - 2);
  let before = state;
  let last = next;
  let free = spare;
  term(1, state);
  term(h * load<f64>(at), slope);
  combine(last, movingAt, movingBytes);
  at += 8;
  for (let j = 2; j <= stages; j++, at += 32) {
    const mu = load<f64>(at);
    const nu = load<f64>(at, 8);
    derivative(nextSlope, last, Part.BOTH);
    term(1 - mu - nu, state);
    term(mu, last);
    term(nu, before);
    term(h * load<f64>(at, 16), nextSlope);
    term(h * load<f64>(at, 24), slope);
    // The stage before last is no more needed, unless it is the start: from the third on it is overwritten.
    combine(free, movingAt, movingBytes);
    before = last;
    last = free;
    free = before;
  }
  setNext(last, free);
  derivative(nextSlope, last, Part.BOTH);
  term(ERROR_OF_CHANGE / h, state);
  term(-ERROR_OF_CHANGE / h, last);
  term(ERROR_OF_SLOPES, slope);
  term(ERROR_OF_SLOPES, nextSlope);
  combine(error, movingAt, movingBytes);
  return norm(error + movingAt, movingBytes);
}

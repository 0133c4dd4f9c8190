/** Descent of f = 1/2 (trace0 + tr(X Y^T))^2, less the decay. */
import { Part } from '../generated/constants';
import { parameters } from '../parameters';
import { stateBytes, xBytes } from '../shape';
import { combine, dot, scale, term } from '../vectors';

export function descent(out: usize, state: usize, parts: i32): void {
  const x = state;
  const y = state + xBytes;
  const slope = -(parameters.trace0 + dot(x, y, xBytes));
  if (parts & Part.X) half(out, slope, y, x, parameters.decayX, xBytes);
  if (parts & Part.Y) half(out + xBytes, slope, x, y, parameters.decayY, stateBytes - xBytes);
}

/** slope other - decay own: the same for either factor. */
function half(out: usize, slope: f64, other: usize, own: usize, decay: f64, bytes: usize): void {
  if (decay == 0) return scale(out, slope, other, bytes);
  term(slope, other);
  term(-decay, own);
  combine(out, 0, bytes);
}

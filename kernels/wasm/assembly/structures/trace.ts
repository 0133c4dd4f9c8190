/** Descent of f = 1/2 (trace0 + tr(X Y^T))^2. */
import { Part } from '../generated/constants';
import { parameters } from '../parameters';
import { stateBytes, xBytes } from '../shape';
import { dot, scale } from '../vectors';

export function descent(out: usize, state: usize, parts: i32): void {
  const x = state;
  const y = state + xBytes;
  const slope = -(parameters.trace0 + dot(x, y, xBytes));
  if (parts & Part.X) scale(out, slope, y, xBytes);
  if (parts & Part.Y) scale(out + xBytes, slope, x, stateBytes - xBytes);
}

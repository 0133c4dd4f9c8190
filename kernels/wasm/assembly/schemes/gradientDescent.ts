/** A step of gradient descent: both factors at once, or the one with the other's new value. */
import { derivative } from '../flow';
import { Part } from '../generated/constants';
import { parameters } from '../parameters';
import { stateBytes, xBytes } from '../shape';
import { next, slope, state } from '../slots';
import { h } from '../track';
import { combine, term } from '../vectors';

export function gradientDescent(): void {
  const lead = parameters.lead;
  derivative(slope, state, Part.BOTH);
  if (lead == Part.BOTH) return descend(Part.BOTH);
  const follow = Part.BOTH - lead;
  memory.copy(next, state, stateBytes);
  descend(lead);
  derivative(slope, next, follow);
  descend(follow);
}

/** Moves parts of the state along the slope. */
function descend(parts: i32): void {
  term(1, state);
  term(h, slope);
  const from = parts & Part.X ? 0 : xBytes;
  const to = parts & Part.Y ? stateBytes : xBytes;
  combine(next, from, to - from);
}

/** A step of gradient descent: both factors at once, or the one with the other's new value. */
import { derivative } from '../flow';
import { Part } from '../generated/constants';
import { parameters } from '../parameters';
import { movingAt, movingBytes, stateBytes, xBytes } from '../shape';
import { next, slope, state } from '../slots';
import { h } from '../track';
import { combine, term } from '../vectors';

export function gradientDescent(): void {
  const lead = parameters.lead;
  // With a frozen factor, all orders are one.
  if (lead == Part.BOTH || movingBytes != stateBytes) {
    derivative(slope, state, Part.BOTH);
    return descend(movingAt, movingBytes);
  }
  derivative(slope, state, lead);
  memory.copy(next, state, stateBytes);
  descendPart(lead);
  derivative(slope, next, Part.BOTH - lead);
  descendPart(Part.BOTH - lead);
}

function descendPart(part: i32): void {
  if (part == Part.X) descend(0, xBytes);
  else descend(xBytes, stateBytes - xBytes);
}

/** Moves a part of the state along the slope. */
function descend(at: usize, bytes: usize): void {
  term(1, state);
  term(h, slope);
  combine(next, at, bytes);
}

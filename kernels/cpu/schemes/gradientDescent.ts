/** A gradient-descent step in float64. */
import type { UpdateOrder } from '../../../src/method/schemes/gradientDescent.js';
import { awaited, type Asking, type Field } from '../field.js';
import { moved, type State64 } from '../state.js';
import type { Step64 } from './step.js';

/** The first component that an order updates; null if it updates both at once. */
const firstOf = { simultaneous: null, 'a-then-b': 1, 'b-then-a': 0 } as const;

/**
 * A step with learning rate h [states] from states [B, A] (or [X, Y]). `slope` is made of the derivatives that
 * components were moved along.
 */
export function* gradientDescent(
  order: UpdateOrder,
  states: readonly State64[],
  h: readonly number[],
): Asking<Step64> {
  const start = yield states;
  const next = states.map((state, row) => moved(state, h[row]!, [1], [start[row]!]));
  const first = firstOf[order];
  if (first === null) return { next, slope: start, error: null };
  /** Component `first` of one, the other of another. */
  const joined = (one: readonly State64[], other: readonly State64[]) =>
    one.map((state, row) => state.map((z, c) => (c === first ? z : other[row]![c]!)));
  const halfway = joined(next, states);
  const later = yield halfway;
  const after = halfway.map((state, row) => moved(state, h[row]!, [1], [later[row]!]));
  return { next: joined(next, after), slope: joined(start, later), error: null };
}

/** States after a gradient-descent step of a field. */
export const gradientDescentStep = (
  field: Field,
  ...step: Parameters<typeof gradientDescent>
): Promise<readonly State64[]> => awaited(gradientDescent(...step), field).then(({ next }) => next);

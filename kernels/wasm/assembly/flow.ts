/**
 * How factors move by the descent of a loss, as src/flow says: the gradient flow, whose derivative is the descent
 * itself.
 */
import { descent } from './generated/structures';

/** Writes the derivative at a state, or only a part of it, to `out`. */
export function derivative(out: usize, state: usize, parts: i32): void {
  descent(out, state, parts);
}

/**
 * How factors move by the descent of a loss, as src/flow/motion.ts says of the gradient rule: by the descent less their
 * decay, but for a frozen one, whose slope nobody reads.
 */
import { descent } from './generated/structures';
import { parameters } from './parameters';

/** Writes the derivative at a state, or only a part of it, to `out`: of the factors that move. */
export function derivative(out: usize, state: usize, parts: i32): void {
  descent(out, state, parts & parameters.moving);
}

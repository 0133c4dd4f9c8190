/**
 * What optimizers share in tensor operations. They see the gradient with respect to B and A^T, -sqrt(s) times the descent
 * of the plain factors X = sqrt(s) B and Y = sqrt(s) A^T, and move these by sqrt(s) times the update of B and A^T.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { State, System } from '../../../src/method/system.js';
import { column, type Place, type Sizes, type Step } from './step.js';

/** An optimizer's update of one component, to be subtracted once times its learning rate, and what it then remembers. */
export interface Update {
  readonly update: Tensor3D;
  readonly memory: readonly Tensor3D[];
}

/** @param memory what it remembers of the component */
type UpdateOf = (index: number, gradient: Tensor3D, memory: readonly Tensor3D[]) => Update;

/** A component moved, its slope, and what its optimizer remembers. */
interface Moved {
  readonly z: Tensor3D;
  readonly slope: Tensor3D;
  readonly memory: readonly Tensor3D[];
}

/** A step of all components at once. Call inside tf.tidy. */
export function simultaneous(
  system: System,
  { state, memory }: Place,
  { h }: Pick<Sizes, 'h'>,
  by: UpdateOf,
): Step {
  return joined(
    system
      .descents(state)
      .map((descent, i) => moved(system, i, state[i]!, descent, h, memoryOf(memory, i), by)),
  );
}

/** A step of component `first` and then, along its descent there, of the other. Call inside tf.tidy. */
export function sequential(
  first: 0 | 1,
  system: System,
  { state, memory }: Place,
  { h }: Pick<Sizes, 'h'>,
  by: UpdateOf,
): Step {
  const take = (i: number, from: State) =>
    moved(system, i, from[i]!, system.descent(i, from), h, memoryOf(memory, i), by);
  const one = take(first, state);
  const halfway = state.map((z, i) => (i === first ? one.z : z));
  const other = take(1 - first, halfway);
  return joined(first === 0 ? [one, other] : [other, one]);
}

/** Memory of X (component 0) or Y: a half of all, in which those of X come first. */
const memoryOf = (memory: State, i: number): Tensor3D[] =>
  memory.slice((i * memory.length) / 2, ((i + 1) * memory.length) / 2);

function moved(
  { motion }: System,
  i: number,
  z: Tensor3D,
  descent: Tensor3D,
  h: readonly number[],
  remembered: readonly Tensor3D[],
  by: UpdateOf,
): Moved {
  const root = Math.sqrt(motion.scale);
  const [rate, decay] = [motion.rates[i]!, motion.decay[i]!];
  const { update, memory } = by(i, tf.mul(descent, -root), remembered);
  const shrunk = decay === 0 ? z : tf.mul<Tensor3D>(z, column(h.map((size) => 1 - size * decay)));
  const along = tf.mul<Tensor3D>(descent, rate);
  return {
    z: tf.sub(shrunk, tf.mul(update, column(h.map((size) => (size * rate) / root)))),
    slope: decay === 0 ? along : tf.sub(along, tf.mul(z, decay)),
    memory,
  };
}

const joined = (components: readonly Moved[]): Step => ({
  next: components.map(({ z }) => z),
  slope: components.map(({ slope }) => slope),
  error: null,
  memory: components.flatMap(({ memory }) => memory),
});

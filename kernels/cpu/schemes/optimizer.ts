/**
 * What optimizers share in float64, of one trajectory. They ask for what the rule of the motion is given, its descents,
 * and see the gradient with respect to B and A^T, -sqrt(s) times the descent of the plain factors X = sqrt(s) B and
 * Y = sqrt(s) A^T; these they move by sqrt(s) times the update of B and A^T.
 */
import type { Motion } from '../../../src/flow/motion.js';
import type { PlannedStep } from '../../../src/method/track.js';
import type { Asking } from '../field.js';
import type { State64 } from '../state.js';
import type { Step64 } from './step.js';

/** What is known of a trajectory: its motion and the rank of its adapter, for optimizers. */
export interface Moving {
  readonly motion: Motion;
  readonly rank: number;
  /** Hears of every step, by its number, before it asks for anything: of a field over minibatches. */
  readonly begin?: ((step: number) => void) | undefined;
}

/** An optimizer's update of one component, to be subtracted once times its learning rate, and what it then remembers. */
interface Update64 {
  readonly update: Float64Array;
  readonly memory: readonly Float64Array[];
}

/** @param memory what it remembers of the component */
export type UpdateOf = (index: number, gradient: Float64Array, memory: readonly Float64Array[]) => Update64;

/** Where a step begins: the state, what is remembered of X and then of Y, the size of the step and its number from 0. */
export interface From extends Pick<PlannedStep, 'h' | 'number'> {
  readonly state: State64;
  readonly memory: State64;
  readonly moving: Moving;
}

interface Moved extends Pick<Update64, 'memory'> {
  readonly z: Float64Array;
  readonly slope: Float64Array;
}

/** A step of both components at once. */
export function* simultaneous(from: From, by: UpdateOf): Asking<Step64> {
  const [descents] = yield [from.state];
  return joined(descents!.map((descent, i) => moved(from, i, descent, by)));
}

/** A step of component `first` and then, along its descent there, of the other. */
export function* sequential(first: 0 | 1, from: From, by: UpdateOf): Asking<Step64> {
  const [descents] = yield [from.state];
  const one = moved(from, first, descents![first]!, by);
  const [later] = yield [from.state.map((z, i) => (i === first ? one.z : z))];
  const other = moved(from, 1 - first, later![1 - first]!, by);
  return joined(first === 0 ? [one, other] : [other, one]);
}

function moved(
  { state, memory, h, moving: { motion } }: From,
  i: number,
  descent: Float64Array,
  by: UpdateOf,
): Moved {
  const root = Math.sqrt(motion.scale);
  const [rate, decay] = [motion.rates[i]!, motion.decay[i]!];
  const [z, half] = [state[i]!, memory.length / 2];
  const { update, memory: next } = by(
    i,
    descent.map((d) => -root * d),
    memory.slice(i * half, (i + 1) * half),
  );
  return {
    z: z.map((value, j) => (1 - h * decay) * value - ((h * rate) / root) * update[j]!),
    slope: descent.map((d, j) => rate * d - decay * z[j]!),
    memory: next,
  };
}

const joined = (components: readonly Moved[]): Step64 => ({
  next: [components.map(({ z }) => z)],
  slope: [components.map(({ slope }) => slope)],
  error: null,
  memory: components.flatMap(({ memory }) => memory),
});

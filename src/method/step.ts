/** One step of a method, for a whole batch: pure functions from state to state. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { UpdateOrder } from './method.js';
import type { State, System } from './system.js';
import { firstSameAsLast, type Tableau } from './tableau.js';

/** sum_j weights_j stages_j, or null if all weights vanish. */
function combine(weights: readonly number[], stages: readonly State[], component: number): Tensor3D | null {
  let sum: Tensor3D | null = null;
  weights.forEach((weight, j) => {
    if (weight === 0) return;
    const term = tf.mul<Tensor3D>((stages[j] as State)[component] as Tensor3D, weight);
    sum = sum ? tf.add<Tensor3D>(sum, term) : term;
  });
  return sum;
}

/** state + h sum_j weights_j stages_j, h [batch, 1, 1]. */
const advance = (
  state: State,
  h: Tensor3D,
  weights: readonly number[],
  stages: readonly State[],
): Tensor3D[] =>
  state.map((z, component) => {
    const slope = combine(weights, stages, component);
    return slope ? tf.add<Tensor3D>(z, tf.mul(slope, h)) : z.clone();
  });

/** What a step leaves behind, each [batch, ...] per component. */
export interface Step {
  readonly next: Tensor3D[];
  /** Slope that tells how far from stationary the trajectory is. */
  readonly slope: State;
  /** The embedded error divided by h; null without an embedded solution. */
  readonly error: Tensor3D[] | null;
}

/**
 * An explicit Runge-Kutta step of size h [batch, 1, 1] from `state`, whose derivative is `first`. With a
 * first-same-as-last tableau `slope` is the derivative at `next`, else it is `first`. Call inside tf.tidy.
 */
export function rungeKuttaStep(
  system: System,
  tableau: Tableau,
  state: State,
  first: State,
  h: Tensor3D,
): Step {
  const { a, b, embedded } = tableau;
  const stages: State[] = [first];
  let point: Tensor3D[] = [];
  for (const row of a.slice(1)) {
    point = advance(state, h, row, stages);
    stages.push(system.derivative(point));
  }
  const errorWeights = embedded && b.map((weight, i) => weight - (embedded.b[i] as number));
  const sharesLast = firstSameAsLast(tableau);
  return {
    next: sharesLast ? point : advance(state, h, b, stages),
    slope: sharesLast ? (stages.at(-1) as State) : first,
    error: errorWeights
      ? state.map((z, component) => combine(errorWeights, stages, component) ?? tf.zerosLike(z))
      : null,
  };
}

/**
 * A gradient-descent step with learning rate h [batch, 1, 1] from a LoRA state [X, Y] (B and A). Call inside tf.tidy.
 */
export function gradientDescentStep(system: System, order: UpdateOrder, state: State, h: Tensor3D): Step {
  const moved = (z: Tensor3D, slope: Tensor3D) => tf.add<Tensor3D>(z, tf.mul(slope, h));
  const [x, y] = state as readonly [Tensor3D, Tensor3D];
  switch (order) {
    case 'simultaneous': {
      const slope = system.derivative(state);
      return { next: advance(state, h, [1], [slope]), slope, error: null };
    }
    case 'a-then-b': {
      const slopeY = system.component(1, state);
      const yNew = moved(y, slopeY);
      const slopeX = system.component(0, [x, yNew]);
      return { next: [moved(x, slopeX), yNew], slope: [slopeX, slopeY], error: null };
    }
    case 'b-then-a': {
      const slopeX = system.component(0, state);
      const xNew = moved(x, slopeX);
      const slopeY = system.component(1, [xNew, y]);
      return { next: [xNew, moved(y, slopeY)], slope: [slopeX, slopeY], error: null };
    }
  }
}

/** One step of a method, for a whole batch: pure functions from state to state. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { UpdateOrder } from './method.js';
import type { State, System } from './system.js';
import { ERROR_OF_CHANGE, ERROR_OF_SLOPES, NUDGE } from './control.js';
import { stagesOf } from './stabilized.js';
import { firstSameAsLast, type Tableau } from './tableau.js';

/** sum_j terms_j: one operation, however many there are. */
const sum = (terms: Tensor3D[]): Tensor3D => (terms.length === 1 ? terms[0]! : tf.addN<Tensor3D>(terms));

/** One number for each row of the batch [batch, 1, 1]. */
const column = (values: readonly number[]): Tensor3D => tf.tensor3d([...values], [values.length, 1, 1]);

/** The products weights_j stages_j of one component, but for weights of zero. */
const terms = (
  weights: readonly (number | Tensor3D)[],
  stages: readonly State[],
  component: number,
): Tensor3D[] =>
  weights.flatMap((weight, j) => (weight === 0 ? [] : [tf.mul<Tensor3D>(stages[j]![component]!, weight)]));

/** state + sum_j h weights_j stages_j, h [batch]. */
function advance(
  state: State,
  h: readonly number[],
  weights: readonly number[],
  stages: readonly State[],
): Tensor3D[] {
  const factors = weights.map((weight) => weight && column(h.map((size) => size * weight)));
  return state.map((z, component) => sum([z, ...terms(factors, stages, component)]));
}

/** What a step leaves behind, each [batch, ...] per component. */
export interface Step {
  readonly next: Tensor3D[];
  /** Slope that tells how far from stationary the trajectory is. */
  readonly slope: State;
  /** The estimated error divided by h; null without an estimate. */
  readonly error: Tensor3D[] | null;
}

/**
 * An explicit Runge-Kutta step of size h [batch] from `state`, whose derivative is `first`. With a
 * first-same-as-last tableau `slope` is the derivative at `next`, else it is `first`. Call inside tf.tidy.
 */
export function rungeKuttaStep(
  system: System,
  tableau: Tableau,
  state: State,
  first: State,
  h: readonly number[],
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
    error: errorWeights ? state.map((_, component) => sum(terms(errorWeights, stages, component))) : null,
  };
}

/**
 * A Runge-Kutta-Chebyshev step (stabilized.ts) of size h [batch, 1, 1] from `state`, whose derivative is `first`; the
 * number of stages is each trajectory's own [batch]. `slope` is the derivative at `next`. Call inside tf.tidy.
 */
export function chebyshevStep(
  system: System,
  counts: readonly number[],
  state: State,
  first: State,
  h: Tensor3D,
): Step {
  const perRow = counts.map((count) => (count > 0 ? stagesOf(count) : null));
  const firsts = column(perRow.map((stages) => stages?.first ?? 0)).mul<Tensor3D>(h);
  let before: State = state;
  let last: State = state.map((z, i) => tf.add<Tensor3D>(z, tf.mul(first[i]!, firsts)));
  for (let j = 0; j < Math.max(...counts) - 1; j++) {
    const slope = system.derivative([...last]);
    // A trajectory that is through its stages stays exactly where it is.
    const of = (key: 'mu' | 'nu' | 'muTilde' | 'gammaTilde', past: number) =>
      column(perRow.map((stages) => stages?.rest[j]?.[key] ?? past));
    const [mu, nu] = [of('mu', 1), of('nu', 0)];
    const [muTilde, gammaTilde] = [of('muTilde', 0).mul<Tensor3D>(h), of('gammaTilde', 0).mul<Tensor3D>(h)];
    const rest = tf.sub(tf.sub(1, mu), nu);
    const next = state.map((z, i) =>
      tf.addN<Tensor3D>([
        tf.mul(z, rest),
        tf.mul(last[i]!, mu),
        tf.mul(before[i]!, nu),
        tf.mul(slope[i]!, muTilde),
        tf.mul(first[i]!, gammaTilde),
      ]),
    );
    [before, last] = [last, next];
  }
  const slope = system.derivative([...last]);
  const change = tf.div(ERROR_OF_CHANGE, h);
  const error = state.map((z, i) =>
    tf.add<Tensor3D>(
      tf.mul(tf.sub(z, last[i]!), change),
      tf.mul(tf.add(first[i]!, slope[i]!), ERROR_OF_SLOPES),
    ),
  );
  return { next: [...last], slope, error };
}

/** Norm of every trajectory over all components [batch, 1, 1]. Call inside tf.tidy. */
const norms = (state: State): Tensor3D =>
  tf.sqrt(tf.addN(state.map((z) => tf.sum<Tensor3D>(tf.square(z), [1, 2], true))));

/**
 * A power iteration with the Jacobian at `state`, whose derivative is `slope`, by a difference of the flow along
 * `direction` (along `slope` where that is none): the new direction, and the spectral radius [batch] that it tells.
 * Call inside tf.tidy.
 */
export function powerIteration(
  system: System,
  state: State,
  slope: State,
  direction: State,
): { readonly direction: Tensor3D[]; readonly radius: tf.Tensor1D } {
  const own = norms(direction);
  const usable = tf.logicalAnd(tf.greater(own, 0), tf.less(own, Infinity));
  const along = direction.map((d, i) => tf.where<Tensor3D>(usable, d, slope[i]!));
  const length = tf.mul(norms(state), NUDGE);
  const per = tf.div<Tensor3D>(length, norms(along));
  const nudged = state.map((z, i) => tf.add<Tensor3D>(z, tf.mul(along[i]!, per)));
  const change = system.derivative(nudged).map((dz, i) => tf.sub<Tensor3D>(dz, slope[i]!));
  return { direction: change, radius: tf.div(norms(change), length).reshape([-1]) };
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
      return { next: state.map((z, i) => moved(z, slope[i]!)), slope, error: null };
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

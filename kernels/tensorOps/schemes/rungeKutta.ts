/** An explicit Runge-Kutta step of a batch in tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { RungeKutta } from '../../../src/method/schemes/rungeKutta.js';
import type { State, System } from '../../../src/method/system.js';
import { column, type Place, type Sizes, type Step } from './step.js';

/** Sum of terms in one operation, however many there are. */
const sum = (terms: Tensor3D[]): Tensor3D => (terms.length === 1 ? terms[0]! : tf.addN<Tensor3D>(terms));

/** The products weights_j stages_j of one component, but for weights of zero. */
const terms = (
  weights: readonly (number | Tensor3D)[],
  stages: readonly State[],
  component: number,
): Tensor3D[] =>
  weights.flatMap((weight, j) => (weight === 0 ? [] : [tf.mul<Tensor3D>(stages[j]![component]!, weight)]));

/** state + sum_j h weights_j stages_j, h [batch]. */
function moved(
  state: State,
  h: readonly number[],
  weights: readonly number[],
  stages: readonly State[],
): Tensor3D[] {
  const factors = weights.map((weight) => weight && column(h.map((size) => size * weight)));
  return state.map((z, component) => sum([z, ...terms(factors, stages, component)]));
}

/** A step from a place; its first stage is evaluated if the slope is not carried. Call inside tf.tidy. */
export function rungeKutta(
  system: System,
  { tableau: { a, b, sharesLast, errorWeights, lowErrorWeights } }: RungeKutta,
  { state, slope }: Place,
  { h }: Pick<Sizes, 'h'>,
): Step {
  const first = slope.length > 0 ? slope : system.derivative(state);
  const stages: State[] = [first];
  let point: Tensor3D[] = [];
  for (const row of a.slice(1)) {
    point = moved(state, h, row, stages);
    stages.push(system.derivative(point));
  }
  const sums = (weights: readonly number[]) =>
    state.map((_, component) => sum(terms(weights, stages, component)));
  return {
    next: sharesLast ? point : moved(state, h, b, stages),
    slope: sharesLast ? stages.at(-1)! : first,
    error: errorWeights && sums(errorWeights),
    ...(lowErrorWeights && { lowError: sums(lowErrorWeights) }),
  };
}

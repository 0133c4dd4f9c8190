/**
 * Differences of a loss that is known as a tensor function alone: in the precision of the backend, where a step has to
 * be far longer than in float64. For custom losses without a float64 form.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { norm, type State64 } from '../../../kernels/cpu/state.js';
import { trajectoriesTogether, type BackendInfo } from '../../backend/backend.js';
import type { Case } from '../cases.js';
import { pointsOf } from './differences.js';
import { weightsAt } from './fields.js';
import { tensorStep, unitRoundoff } from './precision.js';

/** W0 + s B A of several states, formed in float64: [batch, n, m]. */
export function weightsOnDevice(at: Case, states: readonly State64[]): Tensor3D {
  const { n, m } = at.problem;
  const weights = new Float32Array(states.length * n * m);
  states.forEach((state, i) => weights.set(weightsAt(at, state), i * n * m));
  return tf.tensor3d(weights, [states.length, n, m]);
}

/**
 * Minus the gradient of f(W0 + s B A) by B and A times kB and kA, by differences of the tensor loss; with the largest
 * error, relative to it, that rounding of the loss and of W can cause.
 */
export async function slopeByTensorDifferences(
  backend: BackendInfo,
  at: Case,
  state: State64,
): Promise<{ readonly slope: State64; readonly error: number }> {
  const { problem, coefficients } = at;
  const ratios = [coefficients.lrRatioB, coefficients.lrRatioA];
  const step = tensorStep(backend);
  const points = pointsOf(step);
  const losses = await lossesAround(
    backend,
    at,
    state,
    points.map(({ offset }) => offset),
  );
  let next = 0;
  const slope = state.map((z, c) =>
    z.map(() => {
      const sum = points.reduce((total, { weight }) => total + weight * losses[next++]!, 0);
      return -ratios[c]! * sum;
    }),
  );
  const largest = (values: Float64Array) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const conditioning = (largest(losses) * Math.max(...ratios)) / norm(slope) + largest(weightsAt(at, state));
  const roundings = Math.sqrt(problem.n * problem.m) + 4;
  const entries = Math.sqrt(losses.length / points.length);
  return { slope, error: (unitRoundoff(backend) / step) * (1 + entries * roundings * conditioning) };
}

/** The loss with every entry of the state moved by every offset, in order; many together. */
async function lossesAround(backend: BackendInfo, at: Case, state: State64, offsets: readonly number[]) {
  const moves = state.flatMap((z, c) =>
    Array.from(z, (_, entry) => offsets.map((by) => ({ c, entry, by }))).flat(),
  );
  const batchSize = trajectoriesTogether(backend, at.problem.n * at.problem.m);
  const losses = new Float64Array(moves.length);
  for (let from = 0; from < moves.length; from += batchSize) {
    const states = moves.slice(from, from + batchSize).map(({ c, entry, by }) => {
      const neighbour = state.map((z) => z.slice());
      neighbour[c]![entry]! += by;
      return neighbour;
    });
    const values = tf.tidy(() => at.definition.tensor(weightsOnDevice(at, states)));
    losses.set(await values.data(), from);
    values.dispose();
  }
  return losses;
}

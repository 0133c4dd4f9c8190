/** A Runge-Kutta-Chebyshev step of a batch in tensor operations, and its power iteration. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { ERROR_OF_CHANGE, ERROR_OF_SLOPES, NUDGE } from '../../../src/method/control.js';
import { stagesOf, type Chebyshev } from '../../../src/method/schemes/chebyshev.js';
import type { State, System } from '../../../src/method/system.js';
import { column, type Place, type Sizes, type Step } from './step.js';

/** A step from a place with its slope; each row has its own number of stages (0: it stays). Call inside tf.tidy. */
export function chebyshev(
  system: System,
  _scheme: Chebyshev,
  { state, slope: first }: Place,
  sizes: Sizes,
): Step {
  const h = column(sizes.h);
  const perRow = sizes.stages.map((count) => (count > 0 ? stagesOf(count) : null));
  const firsts = column(perRow.map((stages) => stages?.first ?? 0)).mul<Tensor3D>(h);
  let before: State = state;
  let last: State = state.map((z, i) => tf.add<Tensor3D>(z, tf.mul(first[i]!, firsts)));
  for (let j = 0; j < Math.max(...sizes.stages) - 1; j++) {
    const slope = system.derivative([...last]);
    // A trajectory that is through its stages stays exactly where it is.
    const of = (key: 'mu' | 'nu' | 'muTilde' | 'gammaTilde', past: number) =>
      column(perRow.map((stages) => stages?.rest[j]?.[key] ?? past));
    const [mu, nu] = [of('mu', 1), of('nu', 0)];
    const [muTilde, gammaTilde] = [of('muTilde', 0).mul<Tensor3D>(h), of('gammaTilde', 0).mul<Tensor3D>(h)];
    const rest = tf.sub(tf.sub(1, mu), nu);
    const next = state.map((z, i) =>
      // The weights of what is frozen add up to 1 but for rounding.
      system.motion.rates[i] === 0
        ? z
        : tf.addN<Tensor3D>([
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
 * A power iteration with the Jacobian at a place, by a difference of the flow along `direction` (along the slope where
 * that is none): the new direction, and the spectral radius that it measures [batch]. Call inside tf.tidy.
 */
export function powerIteration(
  system: System,
  { state, slope }: Place,
  direction: State,
): { readonly direction: Tensor3D[]; readonly radius: tf.Tensor1D } {
  const size = norms(direction);
  const usable = tf.logicalAnd(tf.greater(size, 0), tf.less(size, Infinity));
  const along = direction.map((d, i) => tf.where<Tensor3D>(usable, d, slope[i]!));
  const length = tf.mul(norms(state), NUDGE);
  const per = tf.div<Tensor3D>(length, norms(along));
  const nudged = state.map((z, i) => tf.add<Tensor3D>(z, tf.mul(along[i]!, per)));
  const change = system.derivative(nudged).map((dz, i) => tf.sub<Tensor3D>(dz, slope[i]!));
  return { direction: change, radius: tf.div(norms(change), length).reshape([-1]) };
}

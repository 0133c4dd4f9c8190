/** A step of gradient descent with momentum of a batch in tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { Momentum } from '../../../src/method/schemes/momentum.js';
import type { System } from '../../../src/method/system.js';
import { sequential, simultaneous, type Update } from './optimizer.js';
import type { Place, Sizes, Step } from './step.js';

/** A step from a place. Call inside tf.tidy. */
export function momentum(
  system: System,
  { order, momentum: mu }: Momentum,
  place: Place,
  sizes: Sizes,
): Step {
  const by = (_: number, gradient: Tensor3D, [buffer]: readonly Tensor3D[]): Update => {
    const update = tf.add<Tensor3D>(tf.mul(buffer!, mu), gradient);
    return { update, memory: [update] };
  };
  switch (order) {
    case 'simultaneous':
      return simultaneous(system, place, sizes, by);
    case 'a-then-b':
      return sequential(1, system, place, sizes, by);
    case 'b-then-a':
      return sequential(0, system, place, sizes, by);
  }
}

/** A gradient-descent step of a batch of LoRA states [X, Y] (B and A) in tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { GradientDescent } from '../../../src/method/schemes/gradientDescent.js';
import type { System } from '../../../src/method/system.js';
import { column, type Place, type Sizes, type Step } from './step.js';

/**
 * A step with learning rate h [batch] from a state. Its slope consists of those that the factors were moved along. Call
 * inside tf.tidy.
 */
export function gradientDescent(
  system: System,
  { order }: GradientDescent,
  { state }: Pick<Place, 'state'>,
  sizes: Pick<Sizes, 'h'>,
): Step {
  const h = column(sizes.h);
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

/** A step of AdamW of a batch in tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { AdamW } from '../../../src/method/schemes/adamw.js';
import type { System } from '../../../src/method/system.js';
import { simultaneous } from './optimizer.js';
import { column, type Place, type Sizes, type Step } from './step.js';

/** A step from a place. Call inside tf.tidy. */
export function adamw(
  system: System,
  { betas: [beta1, beta2], epsilon }: AdamW,
  place: Place,
  sizes: Sizes,
): Step {
  const [perMean, perRoot] = [
    column(sizes.numbers.map((k) => 1 / (1 - beta1 ** (k + 1)))),
    column(sizes.numbers.map((k) => 1 / Math.sqrt(1 - beta2 ** (k + 1)))),
  ];
  return simultaneous(system, place, sizes, (_, gradient, [mean, square]) => {
    const m = tf.add<Tensor3D>(tf.mul(mean!, beta1), tf.mul(gradient, 1 - beta1));
    const v = tf.add<Tensor3D>(tf.mul(square!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const root = tf.add(tf.mul(tf.sqrt(v), perRoot), epsilon);
    return { update: tf.div<Tensor3D>(tf.mul(m, perMean), root), memory: [m, v] };
  });
}

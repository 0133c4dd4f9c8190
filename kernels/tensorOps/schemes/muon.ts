/** A step of Muon of a batch in tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import {
  muonRate,
  NEWTON_SCHULZ,
  NEWTON_SCHULZ_LEAST_NORM,
  NEWTON_SCHULZ_STEPS,
  type Muon,
} from '../../../src/method/schemes/muon.js';
import type { System } from '../../../src/method/system.js';
import { gram, matMul } from '../matMul.js';
import { simultaneous } from './optimizer.js';
import { column, type Place, type Sizes, type Step } from './step.js';

/** A step from a place. Call inside tf.tidy. */
export function muon(system: System, { momentum: mu }: Muon, place: Place, sizes: Sizes): Step {
  return simultaneous(system, place, sizes, (index, gradient, [buffer]) => {
    const mean = tf.add<Tensor3D>(tf.mul(buffer!, mu), tf.mul(gradient, 1 - mu));
    const ahead = tf.add<Tensor3D>(tf.mul(gradient, 1 - mu), tf.mul(mean, mu));
    const rows = gradient.shape[1];
    // X holds B [n, r], Y the transpose of A [r, m].
    const rates = sizes.ranks.map((rank) => (index === 0 ? muonRate(rows, rank) : muonRate(rank, rows)));
    return { update: tf.mul<Tensor3D>(orthogonalized(ahead), column(rates)), memory: [mean] };
  });
}

/** Newton-Schulz steps from matrices [batch, rows, width], rows >= width; columns of zeros stay so. */
function orthogonalized(matrices: Tensor3D): Tensor3D {
  const [a, b, c] = NEWTON_SCHULZ;
  const norms = tf.sqrt(tf.sum(tf.square(matrices), [1, 2], true));
  let z = tf.div<Tensor3D>(matrices, tf.maximum(norms, NEWTON_SCHULZ_LEAST_NORM));
  for (let k = 0; k < NEWTON_SCHULZ_STEPS; k++) {
    const s = gram(z, z);
    const inner = tf.add<Tensor3D>(tf.mul(s, b), tf.mul(matMul(s, s), c));
    z = tf.add(tf.mul(z, a), matMul(z, inner));
  }
  return z;
}

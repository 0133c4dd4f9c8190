/**
 * The flow of Muon (Jordan et al. 2024): all singular values of a descent made equal. By matrix products alone, as Muon
 * does, but to float32: the Newton-Schulz iteration, each step scaled for the singular values that may be left (Chen &
 * Chow 2014).
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { gram, matMul } from '../matMul.js';
import type { Rule } from './rule.js';

/** Relative rounding of float32. */
const EPSILON = 2 ** -23;

/**
 * D (D^T D + width^2 I)^-1/2 of a descent D: the upper part of the polar factor of [D; width I]. Without a width the
 * polar factor, without singular values that are rounding beside the norm of D, about width eps of it; 0 of 0.
 */
export const spectral: Rule = (_, descent, __, width) => {
  const [batch, rows, columns] = descent.shape;
  const largest = tf.max<Tensor3D>(tf.abs(descent), [1, 2], true);
  const unit = tf.maximum(largest, width);
  const scale = tf.where(tf.equal(unit, 0), tf.onesLike(unit), unit);
  const entries = tf.div<Tensor3D>(descent, scale);
  const smoothing = tf.div<Tensor3D>(width, scale);
  // Of [D; width I] at least the largest singular value, whatever columns are beside.
  const norm = tf.sqrt(tf.add(tf.sum(tf.square(entries), [1, 2], true), tf.square(smoothing)));
  const bounded = tf.where(tf.equal(norm, 0), tf.onesLike(norm), norm);
  const start = tf.div<Tensor3D>(entries, bounded);
  if (width === 0) return sharpened(orthogonalized(start));
  const below = tf.mul<Tensor3D>(tf.eye(columns), tf.div(smoothing, bounded));
  return orthogonalized(tf.concat([start, below], 1)).slice([0, 0, 0], [batch, rows, columns]);
};

/** Z with singular values from columns eps to 1 all moved to 1; smaller ones grow, and 0 stays. */
function orthogonalized(z: Tensor3D): Tensor3D {
  const identity = tf.eye(z.shape[2]);
  return scalings(z.shape[2] * EPSILON).reduce(
    (x, scale) =>
      tf.tidy(() => {
        const squares = tf.mul(gram(x, x), scale ** 3 / 2);
        return matMul(x, tf.sub<Tensor3D>(tf.mul(identity, 1.5 * scale), squares));
      }),
    z,
  );
}

/** Beyond it steps would cancel the digits of singular values near 1. */
const MOST_SCALING = 1.5;

/** Scalings of the steps x -> a x (3 - (a x)^2) / 2 that take singular values from `least` to 1 all to 1. */
function scalings(least: number): number[] {
  const all: number[] = [];
  for (let left = least; left < 1 - EPSILON / 4;) {
    // Both ends of what is left come to the same value, the least of the next step.
    const scale = Math.min(MOST_SCALING, Math.sqrt(3 / (1 + left + left * left)));
    all.push(scale);
    left = (scale * left * (3 - (scale * left) ** 2)) / 2;
  }
  return all;
}

/** Steps of `sharpened`: what is below 1/2 is then below 1e-11. */
const SHARPENINGS = 3;

/** Z with singular values below 0.8 moved to 0, and 1 left: x -> x^3 (5 - 3 x^2) / 2. */
function sharpened(z: Tensor3D): Tensor3D {
  let x = z;
  for (let k = 0; k < SHARPENINGS; k++)
    x = tf.tidy(() => {
      const squares = gram(x, x);
      const cubes = tf.sub<Tensor3D>(tf.mul(squares, 2.5), tf.mul(matMul(squares, squares), 1.5));
      return matMul(x, cubes);
    });
  return x;
}

/** The descent of f = 1/2 (trace0 + tr(X Y^T))^2 as tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { TraceStructure } from '../../../src/problem/structure.js';
import type { DescentOf } from './structure.js';

/** G = p I with p = trace0 + tr(X Y^T): dX = -p Y, dY = -p X. */
export const trace: DescentOf<TraceStructure> = ({ trace0 }) => {
  const p = (x: Tensor3D, y: Tensor3D) => tf.sum(tf.mul(x, y), [1, 2], true).add(trace0);
  const step = (z: Tensor3D, x: Tensor3D, y: Tensor3D) => tf.mul<Tensor3D>(z, p(x, y).neg());
  return {
    dX: (x, y) => tf.tidy(() => step(y, x, y)),
    dY: (x, y) => tf.tidy(() => step(x, x, y)),
    both: (x, y) =>
      tf.tidy(() => {
        const minusP = p(x, y).neg();
        return [tf.mul<Tensor3D>(y, minusP), tf.mul<Tensor3D>(x, minusP)];
      }),
    constants: [],
  };
};

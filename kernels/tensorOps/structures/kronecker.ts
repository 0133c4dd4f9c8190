/** The descent of f = 1/2 tr((X Y^T - E)^T S (X Y^T - E) H) as tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { KroneckerStructure } from '../../../src/problem/structure.js';
import { tensor2d } from '../tensor2d.js';
import { curvedDescent } from './curved.js';
import { bothProductsWith, productWith } from './products.js';
import type { DescentOf } from './structure.js';

/** With P = S E H. */
export const kronecker: DescentOf<KroneckerStructure> = ({ error, outputCovariance, covariance }) => {
  const [e, s, h] = [tensor2d(error), tensor2d(outputCovariance), tensor2d(covariance)];
  const p = tf.tidy(() => tf.matMul<Tensor2D>(tf.matMul(s, e), h));
  e.dispose();
  return curvedDescent(bothProductsWith(p), productWith(s), productWith(h));
};

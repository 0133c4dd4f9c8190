/** The descent of f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T) as tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { QuadraticStructure } from '../../../src/problem/structure.js';
import { tensor2d } from '../tensor2d.js';
import { curvedDescent } from './curved.js';
import { bothProductsWith, productWith } from './products.js';
import type { DescentOf } from './structure.js';

/** With P = E H. */
export const quadratic: DescentOf<QuadraticStructure> = ({ error, covariance }) => {
  const e = tensor2d(error);
  const h = covariance && tensor2d(covariance);
  const p = h ? tf.matMul<Tensor2D>(e, h) : e.clone();
  e.dispose();
  return curvedDescent(bothProductsWith(p), null, h && productWith(h));
};

/**
 * LoRA-Pro (Wang et al. 2024): factors whose product moves along the gradient, projected on the tangent space of
 * matrices of the rank (Koch & Lubich 2007).
 */
import * as tf from '@tensorflow/tfjs';
import { gram, matMul } from '../matMul.js';
import { gramInverse } from './gramInverse.js';
import type { Rule } from './rule.js';
import { scaled } from './scaled.js';

/** As scaled, of X without its part in the span of X: D - X (X^T X + damping I)^-1 X^T D. */
export const projected: Rule = (index, descent, factors, damping) => {
  const by = scaled(index, descent, factors, damping);
  if (index === 1) return by;
  const [x, y] = factors;
  const within = matMul(gramInverse(x, y, damping), gram(x, by));
  return tf.sub(by, matMul(x, within));
};

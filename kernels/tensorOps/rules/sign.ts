/** Sign descent (Bernstein et al. 2018), the limit of Adam without memory: entry by entry. */
import * as tf from '@tensorflow/tfjs';
import type { Rule } from './rule.js';

/** d / sqrt(d^2 + width^2) of every entry; without a width its sign, 0 of 0. */
export const sign: Rule = (_, descent, __, width) =>
  width === 0 ? tf.sign(descent) : tf.div(descent, tf.sqrt(tf.add(tf.square(descent), width * width)));

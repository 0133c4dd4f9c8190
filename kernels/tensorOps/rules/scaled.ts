/** ScaledGD (Tong, Ma & Chi 2021; Zhang & Pilanci 2024): each factor's descent over the Gram matrix of the other. */
import { matMul } from '../matMul.js';
import { gramInverse } from './gramInverse.js';
import type { Rule } from './rule.js';

/** D (Y^T Y + damping I)^-1 of X, D (X^T X + damping I)^-1 of Y. */
export const scaled: Rule = (index, descent, factors, damping) =>
  matMul(descent, gramInverse(factors[1 - index]!, factors[index], damping));

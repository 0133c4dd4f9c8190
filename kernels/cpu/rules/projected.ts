/**
 * LoRA-Pro (Wang et al. 2024): factors whose product moves along the gradient, projected on the tangent space of
 * matrices of the rank (Koch & Lubich 2007).
 */
import { product, productTransposed } from '../structures/products.js';
import { dense } from '../../../src/numbers/dense.js';
import { overGram } from './gramInverse.js';
import type { Rule } from './rule.js';
import { scaled } from './scaled.js';

/** As scaled, of X without its part in the span of X: D - X (X^T X + damping I)^-1 X^T D. */
export const projected: Rule = (index, descent, factors, rank, damping) => {
  const by = scaled(index, descent, factors, rank, damping);
  if (index === 1) return by;
  const [x, y] = factors;
  const rows = x.length / rank;
  const within = productTransposed(dense(rows, rank, x), by, rank);
  const span = dense(rows, rank, overGram(x, x, y, rank, damping));
  const inSpan = product(span, within, rank);
  return by.map((value, at) => value - inSpan[at]!);
};

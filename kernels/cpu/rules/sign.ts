/** Sign descent (Bernstein et al. 2018), the limit of Adam without memory: entry by entry. */
import type { Rule } from './rule.js';

/** d / sqrt(d^2 + width^2) of every entry; without a width its sign, 0 of 0. */
export const sign: Rule = (_, descent, __, ___, width) =>
  descent.map((d) => (width === 0 ? Math.sign(d) : d / Math.hypot(d, width)));

/** How a factor moves by what is left of its descent, by every rule of src/flow, in float64. */
import type { FlowRule } from '../../src/flow/rules.js';
import { projected } from './rules/projected.js';
import type { Rule } from './rules/rule.js';
import { scaled } from './rules/scaled.js';
import { sign } from './rules/sign.js';
import { spectral } from './rules/spectral.js';

export const rules: { readonly [R in FlowRule]: Rule } = {
  gradient: (_, descent) => descent,
  scaled,
  projected,
  spectral,
  sign,
};

/** Config of a verification, from flags or by a caller. */
import { z } from 'zod';
import { backendNames } from '../backend/backend.js';
import { seedField, shapeText, sourceFields, tf32Field } from '../input/fields.js';
import { sizes } from './sizes.js';

const backends = ['auto', 'all', ...backendNames] as const;

export const verifySchema = z.strictObject({
  backend: z
    .enum(backends)
    .default('auto')
    .describe(`TensorFlow.js backend: ${backends.join(', ')} (every one that works here)`),
  tf32: tf32Field,
  only: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('groups of checks, or single ones: flow, or flow/autodiff,flow/differences (default: all)'),
  seed: seedField.describe('seed of the random problems'),
  size: z
    .enum(sizes)
    .default('small')
    .describe(`how many random problems, and how large: ${sizes.join(', ')}`),
  loss: z
    .string()
    .optional()
    .describe("a .ts/.js file exporting a loss, to be verified in the place of rankflow's own"),
  shape: shapeText.optional().describe('with --loss: shape NxM of W (default: that of --base, or 6x5)'),
  base: sourceFields.base.describe('with --loss: matrix file of the frozen W0 (default: zero)'),
});

export type VerifyConfig = z.output<typeof verifySchema>;
export type VerifyInput = z.input<typeof verifySchema>;

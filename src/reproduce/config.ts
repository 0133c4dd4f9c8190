/** Config of a reproduction, from flags or by a caller. */
import { z } from 'zod';
import { executionFields, outField, seedField } from '../input/fields.js';

export const reproductionSchema = z.strictObject({
  only: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('claims by their names, or by how these begin (default: all)'),
  seed: seedField.describe('seed of all random numbers'),
  backend: executionFields.backend,
  workers: executionFields.workers,
  fusedKernel: executionFields.fusedKernel,
  out: outField,
});

export type ReproductionConfig = z.output<typeof reproductionSchema>;
export type ReproductionInput = z.input<typeof reproductionSchema>;

/** The keys of advice on a pair of checkpoints, with their meaning and defaults. */
import { z } from 'zod';
import { list, outField, wholeFrom } from '../input/fields.js';

/** Types that adapters are written in. */
export const adapterTypes = ['float32', 'bfloat16', 'float16'] as const;
export type AdapterType = (typeof adapterTypes)[number];

export const adviseSchema = z.strictObject({
  budget: list(z.string())
    .default(['0.1%', '0.5%', '2%'])
    .describe(
      "most parameters of an adapter, of all weights together: a number, or a share of BASE's, as 0.5%",
    ),
  maxRank: wholeFrom(1)
    .default(64)
    .describe('most rank of a weight, and singular values that are computed of each'),
  energy: z
    .number()
    .gt(0)
    .lte(1)
    .default(0.9)
    .describe('share of the squared singular values that the rule by energy keeps, weight by weight'),
  ratio: z
    .number()
    .gt(0)
    .lte(1)
    .default(0.1)
    .describe('fraction of the largest singular value from which on the rule by ratio keeps them'),
  roundedBase: z
    .boolean()
    .default(false)
    .describe('BASE was rounded to its type after training had begun from it, as TUNED was'),
  stats: z
    .string()
    .min(1)
    .optional()
    .describe(
      'statistics with H, the second moment of the inputs of weights (NAME.H): errors are also told weighted by these',
    ),
  names: z
    .enum(['base', 'tuned'])
    .default('base')
    .describe('whose names of weights the adapters take, where those of BASE and TUNED differ by a prefix'),
  write: z
    .string()
    .min(1)
    .optional()
    .describe('also write an adapter of PEFT for each budget, in this folder, which must not exist'),
  dtype: z
    .enum(adapterTypes)
    .default('float32')
    .describe(`type of the adapters that are written: ${adapterTypes.join(', ')}`),
  out: outField,
});

export type AdviseConfig = z.output<typeof adviseSchema>;

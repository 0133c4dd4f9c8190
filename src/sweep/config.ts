/**
 * What a sweep is told, from flags or a YAML/JSON file: one schema for both. `sweep.schema.json` beside this file is
 * its published JSON Schema.
 */
import { z } from 'zod';
import { scalings } from '../ensemble/scaling.js';
import {
  dataFields,
  decayFields,
  executionFields,
  flowsInWords,
  flowText,
  horizonFields,
  observeField,
  list,
  outField,
  positive,
  ratioFields,
  seedField,
  shapeText,
  sourceFields,
  wholeFrom,
} from '../input/fields.js';
import { defaultLoss, lossNames } from '../problem/losses.js';
import { MOST_DRAWS } from '../numbers/philox.js';

export const sweepSchema = z.strictObject({
  loss: list(z.string())
    .default([defaultLoss])
    .describe(`${lossNames.join(', ')}, or a .ts/.js file exporting a loss`),
  ...sourceFields,
  ...dataFields,
  draws: wholeFrom(1)
    .max(MOST_DRAWS)
    .default(1)
    .describe('draws of the target, each with `trials` initializations; with noise or samples'),
  shape: list(shapeText).optional().describe('shapes NxM of W when no matrix file gives one'),
  ranks: list(wholeFrom(1)).describe('ranks r of the adapters'),
  init: list(z.string())
    .default(['kaiming'])
    .describe('initializations: NAME, NAME:PARAMETER, or adapters: a .safetensors file or folder[#module]'),
  scaling: list(z.enum(scalings))
    .optional()
    .describe(
      'scale s: none (alpha), lora (alpha/r), rslora (alpha/sqrt(r)); default: none, and of stored adapters what ' +
        'adapter_config.json says',
    ),
  alpha: positive.optional().describe('alpha of the scalings; with none, s itself (default 1)'),
  ...ratioFields,
  flow: list(flowText).default(['gradient']).describe(`flows of the factors: ${flowsInWords}`),
  ...decayFields,
  trials: wholeFrom(1).default(32).describe('random initializations per cell, and draw of the target'),
  targetCi: positive
    .max(1)
    .optional()
    .describe(
      'add trials to a cell, 64, 128, ... up to trials, until the 95 % interval of its mean, widened for the looks at it, is within this fraction of it; with several draws of the target, add draws, until the interval of its risk is',
    ),
  seed: seedField.describe('seed of all random numbers'),
  observe: observeField([]),
  ...horizonFields,
  ...executionFields,
  out: outField,
});

export type SweepConfig = z.output<typeof sweepSchema>;
export type SweepInput = z.input<typeof sweepSchema>;

/** The schema as JSON Schema, which editors and other tools read. */
export const sweepJsonSchema = () => ({
  title: 'rankflow sweep',
  ...z.toJSONSchema(sweepSchema, { io: 'input' }),
});

/** What one simulation is told: one loss, shape, initialization, rank and scale. */
import { z } from 'zod';
import {
  dataFields,
  decayFields,
  executionFields,
  flowsInWords,
  flowText,
  horizonFields,
  observeField,
  outField,
  ratioFields,
  seedField,
  shapeText,
  sourceFields,
  wholeFrom,
} from '../input/fields.js';
import { MOST_DRAWS } from '../numbers/philox.js';
import { defaultLoss, lossNames } from '../problem/losses.js';

export const simulationSchema = z.strictObject({
  loss: z
    .string()
    .default(defaultLoss)
    .describe(`${lossNames.join(', ')}, or a .ts/.js file exporting a loss`),
  ...sourceFields,
  ...dataFields,
  draw: wholeFrom(0)
    .max(MOST_DRAWS - 1)
    .default(0)
    .describe('number of the draw of the target, with noise or samples'),
  shape: shapeText.optional().describe('shape NxM of W when no matrix file gives one'),
  init: z
    .string()
    .default('kaiming')
    .describe('initialization: NAME, NAME:PARAMETER, or adapters: a .safetensors file or folder[#module]'),
  ...ratioFields,
  flow: flowText.default('gradient').describe(`flow of the factors: ${flowsInWords}`),
  ...decayFields,
  trials: wholeFrom(1).default(8).describe('random initializations'),
  seed: seedField.describe('seed of all random numbers'),
  observe: observeField(['ranks']),
  ...horizonFields,
  ...executionFields,
  out: outField,
  rank: z.int().min(1).describe('rank r of the adapter'),
  scale: z
    .number()
    .positive()
    .optional()
    .describe('scale s of W = W0 + s B A (default: 1, and of stored adapters what adapter_config.json says)'),
});

export type SimulationConfig = z.output<typeof simulationSchema>;
export type SimulationInput = z.input<typeof simulationSchema>;

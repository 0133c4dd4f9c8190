/** What a forecast is told: statistics of weights, and how adapters would be trained on them. */
import { z } from 'zod';
import { scalings } from '../../ensemble/scaling.js';
import { executionFields, list, outField, positive, seedField, wholeFrom } from '../../input/fields.js';
import { scheduleNames } from '../../method/schedule.js';

/** Starts of each rank where no number is given. */
export const TRIALS = 4;

export const optimizers = ['adamw', 'sgd'] as const;

export const forecastSchema = z.strictObject({
  stats: z.string().min(1).describe('statistics of weights at W0, as scripts/export-stats.py writes them'),
  optimizer: z
    .enum(optimizers)
    .describe("optimizer of the training: adamw (PyTorch's, betas 0.9, 0.999) or sgd (gradient descent)"),
  lr: positive.describe('learning rate, of the mean loss over samples'),
  steps: wholeFrom(1).max(1_000_000).describe('steps of the training'),
  ranks: list(wholeFrom(1)).describe('ranks r that are compared, of every weight'),
  scaling: z
    .enum(scalings)
    .default('lora')
    .describe('scale s of W = W0 + s B A: lora (alpha/r), rslora (alpha/sqrt(r)), none (alpha)'),
  alpha: positive.default(8).describe('alpha of the scaling'),
  schedule: z.enum(scheduleNames).optional().describe('how the learning rate goes on (default: constant)'),
  warmup: wholeFrom(0).optional().describe('steps over which the learning rate rises from 0 (default: 0)'),
  momentum: z.number().min(0).lt(1).optional().describe('momentum of sgd (default: 0)'),
  decay: z
    .number()
    .nonnegative()
    .default(0)
    .describe('weight decay of A and B: of adamw beside the gradient, of sgd inside it'),
  trials: wholeFrom(1)
    .optional()
    .describe(`starts of each rank, PEFT's: A uniform in +-1/sqrt(m), B = 0 (default: ${TRIALS})`),
  starts: z
    .string()
    .min(1)
    .optional()
    .describe(
      'starts in their place: a .safetensors file with A0.rR [R, m] or NAME.A0.rR of each rank R; B0 = 0',
    ),
  seed: seedField.describe('seed of the starts'),
  pilot: z
    .string()
    .min(1)
    .optional()
    .describe(
      'losses of a training that was begun, a .csv file with rows STEP,LOSS: they fix the scale of the curvature, and the forecast goes on, to the last step unless the loss along G leaves its quadratic before',
    ),
  pilotRank: wholeFrom(1).optional().describe('rank of that training'),
  ...executionFields,
  out: outField,
});

export type ForecastConfig = z.output<typeof forecastSchema>;
export type ForecastInput = z.input<typeof forecastSchema>;

/** What one simulation is told: a sweep's keys with one value each, and the rank and scale in place of lists. */
import { z } from 'zod';
import { defaultLoss } from '../problem/losses.js';
import { sweepSchema, type SweepConfig } from '../sweep/config.js';

const one = sweepSchema.shape;

export const simulationSchema = sweepSchema
  .omit({ ranks: true, scaling: true, alpha: true, targetCi: true })
  .extend({
    loss: z
      .string()
      .default(defaultLoss)
      .describe(one.loss.description ?? ''),
    shape: z
      .string()
      .regex(/^[1-9]\d*x[1-9]\d*$/, 'NxM, for example 64x64')
      .optional()
      .describe('shape NxM of W when no matrix file gives one'),
    init: z
      .string()
      .default('kaiming')
      .describe('initialization: NAME, NAME:PARAMETER, or adapters: a .safetensors file or folder[#module]'),
    rank: z.int().min(1).describe('rank r of the adapter'),
    scale: z
      .number()
      .positive()
      .optional()
      .describe(
        'scale s of W = W0 + s B A (default: 1, and of stored adapters what adapter_config.json says)',
      ),
    trials: z.int().min(1).default(8).describe('random initializations'),
  });

export type SimulationConfig = z.output<typeof simulationSchema>;
export type SimulationInput = z.input<typeof simulationSchema>;

/** The same as a sweep of one cell. */
export const asSweep = ({ loss, shape, init, rank, scale, ...rest }: SimulationConfig): SweepConfig => ({
  ...rest,
  loss: [loss],
  init: [init],
  ranks: [rank],
  scaling: scale === undefined ? undefined : ['none'],
  alpha: scale,
  shape: shape === undefined ? undefined : [shape],
});

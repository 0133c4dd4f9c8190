/** The keys that the configs of sweeps, simulations and verifications share, with their meaning and defaults. */
import { z } from 'zod';
import { fusedChoices } from '../../kernels/wasm/variants.js';
import { backendNames } from '../backend/backend.js';
import { aboutFlow, flowRules } from '../flow/rules.js';
import {
  aboutMethod,
  adaptiveNames,
  DEFAULT_RTOL,
  fixedNames,
  LEAST_RTOL,
  methodNames,
  namesTaking,
} from '../method/methods.js';
import { scheduleNames } from '../method/schedule.js';
import { DEFAULT_MUON_MOMENTUM } from '../method/schemes/muon.js';
import { precisions } from '../numbers/precision.js';
import { curvatureKeys, curvatureNames, type CurvatureKey } from '../problem/source.js';
import { aboutObservables, observableNames, type ObservableName } from '../solver/observables.js';
import { paths } from '../solver/paths.js';

export const positive = z.number().positive();
export const wholeFrom = (least: number) => z.int().min(least);
export const list = <T extends z.ZodType>(item: T) => z.array(item).min(1);
const fromZero = z.number().nonnegative();

/** A text for each curvature matrix. */
const curvatureShape = Object.fromEntries(
  curvatureKeys.map((key) => [
    key,
    z.string().optional().describe(`matrix file or diagonal spectrum of the ${curvatureNames[key]}`),
  ]),
) as Record<CurvatureKey, z.ZodOptional<z.ZodString>>;

/** The matrices of a problem, as SourceSpec has them. */
export const sourceFields = {
  target: z
    .string()
    .optional()
    .describe('matrix of M: .safetensors, its index or a checkpoint folder [#tensor], .npy or .csv'),
  base: z.string().optional().describe('matrix file of the frozen W0 (default: zero)'),
  transpose: z
    .boolean()
    .optional()
    .describe(
      'target and base are stored [in, out], as Conv1D has them (default: where config.json says so)',
    ),
  ...curvatureShape,
  spectrum: z
    .union([z.string(), list(z.number())], 'power:P, exp:R, step:K, a file or a list of finite numbers')
    .optional()
    .describe('singular values of M - W0: power:P, exp:R, step:K, a file, or a list'),
  vectors: z
    .enum(['identity', 'random'])
    .default('identity')
    .describe('singular vectors that go with a spectrum: identity or random'),
};

/** What training sees in the place of its target. */
export const dataFields = {
  noise: fromZero
    .optional()
    .describe(
      'training sees M + noise Z, Z with entries N(0, 1/m) drawn anew for each draw of the target; the error against M is observed as the risk',
    ),
  samples: wholeFrom(1)
    .optional()
    .describe(
      'training sees this many samples, x ~ N(0, covariance) and y = M x + noise, drawn anew for each draw of the target; the error over all inputs is observed as the risk',
    ),
  labelNoise: fromZero
    .optional()
    .describe('standard deviation of the noise on the labels of samples (default 0)'),
};

/** A shape of W. */
export const shapeText = z.string().regex(/^[1-9]\d*x[1-9]\d*$/, 'NxM, for example 64x64');

export const ratioFields = {
  lrRatioA: fromZero.default(1).describe('learning-rate ratio kA of A; 0: A is frozen (LoRA-FA)'),
  lrRatioB: fromZero.default(1).describe('learning-rate ratio kB of B (LoRA+: above kA); 0: B is frozen'),
};

/** The flow, `NAME`, one of those that a config can name. */
export const flowText = z.string();

export const flowsInWords = flowRules.map((rule) => `${rule} (${aboutFlow(rule)})`).join(', ');

export const decayFields = {
  decay: fromZero
    .default(0)
    .describe(
      'decoupled weight decay mu, per unit of time, as AdamW has it: dB = ... - mu B, dA = ... - mu A',
    ),
  coupledDecay: fromZero
    .default(0)
    .describe('weight decay inside the gradient, that of f + mu/2 (|B|^2 + |A|^2)'),
};

export const seedField = wholeFrom(0).default(0);

/** Fields of how trajectories are advanced, and for how long. */
export const horizonFields = {
  method: z
    .enum(['auto', ...methodNames])
    .default('auto')
    .describe(
      `how trajectories are advanced: auto (rkc2 for long horizons, else dopri5, or below rtol 1e-5 sharpverner6 and below 1e-7 dop853), ${methodNames.map((name) => `${name} (${aboutMethod(name)})`).join(', ')}`,
    ),
  step: positive
    .optional()
    .describe(
      `step size (of gradient descent and optimizers: the learning rate) of ${fixedNames.join(', ')}`,
    ),
  momentum: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe(
      `momentum of ${namesTaking('momentum').join(', ')} (default: 0, of muon ${DEFAULT_MUON_MOMENTUM})`,
    ),
  schedule: z
    .enum(scheduleNames)
    .optional()
    .describe(
      `how the learning rate of gradient descent and optimizers goes on, step by step: ${scheduleNames.join(', ')} (default: constant)`,
    ),
  warmup: wholeFrom(0)
    .optional()
    .describe('steps over which the learning rate rises from 0, with any schedule (default: 0)'),
  batch: wholeFrom(1)
    .optional()
    .describe(
      `samples of which each step of gradient descent and optimizers takes the mean gradient, without replacement (default: all); with samples`,
    ),
  rtol: positive
    .optional()
    .describe(
      `relative tolerance of ${adaptiveNames.join(', ')} (default ${DEFAULT_RTOL.toExponential()}; least ${LEAST_RTOL.float32}, in float64 ${LEAST_RTOL.float64})`,
    ),
  atol: z
    .number()
    .min(0)
    .optional()
    .describe(`absolute tolerance of ${adaptiveNames.join(', ')} (default 1e-9)`),
  time: positive
    .optional()
    .describe(
      'end time (default: 400 over the fastest growth rate); of optimizers, and under schedules, steps times step',
    ),
  steady: positive
    .max(1)
    .nullable()
    .optional()
    .describe(
      'stop a trajectory when the speed of its flow is this fraction of its largest (default 1e-4 without time)',
    ),
  saveTimes: list(positive)
    .optional()
    .describe('times to record the loss at (default: 32 up to the end time)'),
  maxSteps: wholeFrom(1).default(1_000_000).describe('most steps of one trajectory'),
};

export const tf32Field = z
  .boolean()
  .default(false)
  .describe('let an NVIDIA GPU under tensorflow round factors of matrix products to TensorFloat-32');

/** Fields of what trajectories are computed on, and how. */
export const executionFields = {
  backend: z
    .enum(['auto', ...backendNames])
    .default('auto')
    .describe(`TensorFlow.js backend: auto, ${backendNames.join(', ')}; webgl is for browsers`),
  tf32: tf32Field,
  kernel: z
    .enum(['auto', ...paths])
    .default('auto')
    .describe(
      'fused: a trajectory in one call; tensor-ops: all together, operation by operation; krylov: by these, each in the Krylov space of its start, for few ranks of a large dense target; auto: fused if it can be, on wasm krylov for such targets',
    ),
  fusedKernel: z
    .enum(fusedChoices)
    .default('auto')
    .describe(
      `implementation of fused kernels on the backend wasm: native (compiled C++, where npm install found a compiler), wasm, or one of them by name; auto: the fastest that runs here`,
    ),
  precision: z
    .enum(precisions)
    .default('float32')
    .describe('of states and steps; float64 is for fused kernels on wasm and cpu'),
  workers: wholeFrom(1)
    .optional()
    .describe('threads that trajectories are spread over, on wasm and cpu (default: one for each core)'),
  chunk: wholeFrom(1).optional().describe('trajectories that advance together (default: from memory)'),
};

export const outField = z.string().min(1).optional().describe('results folder, which must not exist');

/** What is observed of trajectories beside the loss. */
export const observeField = (usual: readonly ObservableName[]) =>
  z
    .array(z.enum(observableNames))
    .default([...usual])
    .describe(
      `what else is observed: ${observableNames.map((name) => `${name} (${aboutObservables[name]})`).join(', ')}`,
    );

type Output<Fields extends z.ZodRawShape> = z.output<z.ZodObject<Fields>>;

export type HorizonConfig = Output<typeof horizonFields>;
export type ExecutionConfig = Output<typeof executionFields>;

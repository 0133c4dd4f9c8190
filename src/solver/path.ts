/** Which way trajectories are computed: by a fused kernel where the backend has one for them, else by tensor operations. */
import * as tf from '@tensorflow/tfjs';
import { fusedKernel, type Precision } from '../../kernels/fused.js';
import { InputError } from '../inputError.js';
import type { Problem } from '../problem/problem.js';

/** Each trajectory by many steps of one kernel, or all together operation by operation. */
export const paths = ['fused', 'tensor-ops'] as const;
export type Path = (typeof paths)[number];

/** What may be asked for; 'auto' takes the fused kernel if there is one. */
export interface PathChoice {
  readonly kernel?: Path | 'auto';
  /** Of states and steps (default: float32). float64 is for fused kernels on the processor. */
  readonly precision?: Precision;
}

/**
 * The path of a problem on the backend in use.
 * @throws InputError if what is asked for cannot be had there
 */
export function pathFor(
  { structure, loss }: Pick<Problem, 'structure' | 'loss'>,
  { kernel = 'auto', precision = 'float32' }: PathChoice,
): Path {
  const backend = tf.getBackend();
  const fused = fusedKernel(backend);
  const can = fused?.kinds.includes(structure.kind) && fused.precisions.includes(precision);
  if (can && kernel !== 'tensor-ops') return 'fused';
  if (kernel === 'fused')
    throw new InputError(
      'kernel',
      kernel,
      `auto: ${backend} has no fused kernel for ${loss} in ${precision}`,
    );
  if (precision === 'float64')
    throw new InputError('precision', precision, `float32 for ${loss} on ${backend} by ${kernel}`);
  return 'tensor-ops';
}

/**
 * The fused kernel on TensorFlow.js's webgpu backend: it runs on the backend's own device and queue, and on the buffers
 * of its tensors. Only float32.
 */
import * as tf from '@tensorflow/tfjs';
import type { TensorInfo } from '@tensorflow/tfjs';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import {
  operationsPerStep,
  registerFused,
  type AdvanceAttrs,
  type AdvanceInputs,
  type AdvanceTask,
  type FusedKernel,
} from '../fused.js';
import { followsFlow } from '../../src/method/method.js';
import { isDescentAndDecay } from '../../src/flow/motion.js';
import { advance } from './advance.js';
import { onProcessor, roomOf } from './layout.js';
import { obstacle } from './obstacle.js';
import { drawnOnDevice } from './philox.js';
import { kinds } from './structures.js';

export const webgpuKernel: FusedKernel = {
  kinds,
  precisions: ['float32'],
  moves: isDescentAndDecay,
  takes: followsFlow,
  obstacle: (attrs) => obstacle(attrs, ownBackend().device),
  normals: (count, keys, stream) => drawnOnDevice('normals', count, keys, stream),
  stepsPerCall: (attrs) =>
    Math.max(1, Math.floor(0.1 / secondsPerStep(attrs, roomOf(ownBackend().device).subgroup))),
};

/** Registers the kernel with TensorFlow.js. */
export const registerWebgpuKernel = (): void =>
  registerFused('webgpu', webgpuKernel, ({ inputs, backend, attrs }) =>
    advance(
      backend as WebGPUBackend,
      inputs as unknown as AdvanceInputs<TensorInfo>,
      attrs as unknown as AdvanceAttrs,
    ),
  );

/** The webgpu backend, whichever TensorFlow.js is on. */
const ownBackend = () => tf.findBackend('webgpu') as unknown as WebGPUBackend;

/** Seconds that a step of all trajectories takes, at most on most devices. */
function secondsPerStep(attrs: AdvanceTask, subgroup: number): number {
  const operations = operationsPerStep(attrs);
  const together = onProcessor(subgroup) ? 2e9 : 2e11;
  // One trajectory has a workgroup to itself, which waits for its memory and at barriers.
  const alone = operations / 1e9 + attrs.method.scheme.mostEvaluations * 1e-5;
  return Math.max((operations * attrs.clocks.length) / together, alone);
}

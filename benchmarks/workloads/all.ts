/** All workloads, in the order in which they run. */
import type { Workload } from '../workload.js';
import { accuracy } from './accuracy.js';
import { decay } from './decay.js';
import { evaluations } from './evaluations.js';
import { kernelShare } from './kernelShare.js';
import { lab } from './lab.js';
import { mainJob } from './mainJob.js';
import { mixedSteps } from './mixedSteps.js';
import { native } from './native.js';
import { operations } from './operations.js';
import { overhead, scaling } from './scaling.js';
import { methodChoice, stabilized } from './stabilized.js';
import { truncated } from './truncated.js';
import { w1, w1Float64, w1Webgpu, w1Workers } from './w1.js';

export const workloads: readonly Workload[] = [
  ...[w1, w1Workers, w1Float64, native, w1Webgpu],
  ...[decay, mixedSteps, stabilized, methodChoice, evaluations, mainJob],
  ...[accuracy('wasm', 'float32', 12), accuracy('wasm', 'float64', 12), accuracy('webgpu', 'float32', 2)],
  ...[overhead, kernelShare, operations, truncated, lab],
  scaling('wasm', {
    n: [64, 256, 1024, 4096, 16_384],
    rank: [1, 2, 4, 8, 16, 32, 64],
    trajectories: [1, 16, 256, 4096],
    flops: 1e9,
  }),
  scaling('webgpu', { n: [64, 256, 1024], rank: [1, 4, 16], trajectories: [1, 16, 256], flops: 3e7 }),
];

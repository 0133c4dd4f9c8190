/** All workloads, in the order in which they run. */
import type { Workload } from '../workload.js';
import { mainJob } from './mainJob.js';
import { mixedSteps } from './mixedSteps.js';
import { w1C } from './native.js';
import { stabilized } from './stabilized.js';
import { w1, w1Float64, w1Webgpu, w1Workers } from './w1.js';

export const workloads: readonly Workload[] = [
  w1,
  w1Workers,
  w1Float64,
  w1C,
  w1Webgpu,
  mixedSteps,
  stabilized,
  mainJob,
];

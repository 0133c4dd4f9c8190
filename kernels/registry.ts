/** The fused kernels, each registered with TensorFlow.js by being imported. */
import { getKernel } from '@tensorflow/tfjs';
import './cpu/advance.js';
import { ADVANCE, type FusedConfig, type FusedKernel } from './fused.js';

/** The fused kernel of a backend; undefined if it has none. */
export const fusedKernel = (backend: string): FusedKernel | undefined =>
  getKernel(ADVANCE, backend) as FusedConfig | undefined;

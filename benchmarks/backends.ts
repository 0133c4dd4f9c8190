/** Backends of workloads: what is absent is no failure of a workload, which is skipped. */
import * as tf from '@tensorflow/tfjs';
import { fusedKernel } from '../kernels/fused.js';
import type { BackendInfo } from '../src/backend/backend.js';
import { useBackend } from '../src/backend/useBackend.js';
import { InputError } from '../src/host/inputError.js';
import { Skipped } from './workload.js';

/** The backend, with its fused kernel; @throws Skipped if either is absent */
export async function openFused(name: 'wasm' | 'webgpu'): Promise<BackendInfo> {
  const backend = await useBackend(name).catch((error: unknown) => {
    throw error instanceof InputError ? new Skipped(error.message) : error;
  });
  if (!fusedKernel(tf.getBackend())) throw new Skipped(`${name} has no fused kernel here`);
  return backend;
}

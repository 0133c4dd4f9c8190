/** Devices of workloads: what is absent is no failure of a workload, which is skipped. */
import * as tf from '@tensorflow/tfjs';
import type { FusedKernel } from '../kernels/fused.js';
import { InputError } from '../src/host/inputError.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { Skipped } from './workload.js';

/** A device of one thread with its fused kernel, on which TensorFlow.js then is; @throws Skipped if either is absent */
export async function openFused(name: 'wasm' | 'webgpu'): Promise<Device & { kernel: FusedKernel }> {
  const device = await openDevice(name, { workers: 1 }).catch((error: unknown) => {
    throw error instanceof InputError ? new Skipped(error.message) : error;
  });
  const { kernel } = device;
  if (!kernel) throw new Skipped(`${name} has no fused kernel here`);
  await tf.setBackend(name);
  return { ...device, kernel };
}

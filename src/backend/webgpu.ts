/**
 * WebGPU: the browser's, or in Node Dawn's (npm package `webgpu`; both it and TensorFlow.js's backend are optional
 * dependencies). The device is made here rather than by TensorFlow.js, to have all that the adapter allows, to hear
 * of its errors, and to give it back.
 */
import * as tf from '@tensorflow/tfjs';
import { registerWebgpuKernel } from '../../kernels/webgpu/kernel.js';
import { isSoftware, Unavailable, type Opened } from './backend.js';
import { dawn, whatIsMissing } from './dawn.js';
import { chunkElementsFor } from './memory.js';
import { firstLine, inNode } from '../host/platform.js';

const raisedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;

const usefulFeatures = ['timestamp-query', 'subgroups'];

/** MatMulPackedProgram of TensorFlow.js's webgpu backend (MatMulProgramType in its webgpu_util). */
const PACKED = 3;

/** @throws Unavailable if a package, a driver or a device is missing */
export async function openWebgpu(): Promise<Opened> {
  const gpu = browserGpu() ?? (await dawn());
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new Unavailable(
      inNode()
        ? `no adapter was found: ${await whatIsMissing()}`
        : 'the browser offers no adapter: see chrome://gpu',
    );
  }
  const device = await adapter.requestDevice({
    requiredFeatures: usefulFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(raisedLimits.map((limit) => [limit, adapter.limits[limit]])),
  });
  try {
    return await register(adapter, device);
  } catch (error) {
    device.destroy();
    throw error;
  }
}

async function register(adapter: GPUAdapter, device: GPUDevice): Promise<Opened> {
  const { info } = adapter;
  // Only now: when it is loaded it looks for navigator.gpu.
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu').catch((error: unknown) => {
    throw new Unavailable(
      `@tensorflow/tfjs-backend-webgpu did not load (${firstLine(error)}): run npm install --include=optional`,
    );
  });
  // Small tensors would be computed on the CPU.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  // The program of a matrix product, and so its order of summation, would depend on the batch's size.
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', PACKED);
  if (tf.engine().registryFactory['webgpu']) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, info), 3);
  registerWebgpuKernel();

  let closing = false;
  let failure: Error | null = null;
  device.addEventListener('uncapturederror', (event) => {
    const { error } = event;
    const lacking = error instanceof GPUOutOfMemoryError ? 'out of memory: ' : '';
    failure ??= new Error(`the GPU refused work: ${lacking}${error.message}`, { cause: error });
    // Dawn would print it, on standard output.
    event.preventDefault();
  });
  void device.lost.then(({ reason, message }) => {
    if (!closing) failure ??= new Error(`the GPU device was lost (${reason}): ${message}`);
  });
  const limits = Object.fromEntries(raisedLimits.map((limit) => [limit, Number(device.limits[limit])]));
  const words = [info.description, info.vendor, info.architecture, info.device].filter(Boolean);
  const imitated = isSoftware(words.join(' '));
  return {
    device: `${imitated ? 'software driver' : 'GPU'} through WebGPU, ${words.join(', ')}`,
    software: imitated,
    variant: [info.vendor, info.architecture].filter(Boolean).join(' ') || words.join(' '),
    fusedVariant: null,
    gpu: true,
    tf32: false,
    limits: {
      ...limits,
      features: usefulFeatures.filter((feature) => device.features.has(feature)).join(' '),
    },
    chunkElements: chunkElementsFor(
      Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize),
    ),
    // A matrix product dispatches one layer of workgroups per trajectory.
    mostTrajectories: device.limits.maxComputeWorkgroupsPerDimension,
    sharedColumns: 0,
    async check() {
      // A round trip to the device: errors from before it have been told by then.
      device.pushErrorScope('validation');
      await device.popErrorScope();
      const reported = failure;
      // With less work it can go on where only memory was lacking.
      if (reported?.cause instanceof GPUOutOfMemoryError) failure = null;
      if (reported) throw reported;
    },
    close() {
      closing = true;
      if (tf.engine().registryFactory['webgpu']) tf.removeBackend('webgpu');
      device.destroy();
    },
  };
}

const browserGpu = (): GPU | null =>
  inNode() ? null : ((globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu ?? null);

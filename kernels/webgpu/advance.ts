/** One call of the webgpu kernel: it is dispatched on the buffers of its tensors, which it updates in place. */
import type { TensorInfo } from '@tensorflow/tfjs';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { assertMethod } from '../../src/method/method.js';
import type { AdvanceAttrs, AdvanceInputs } from '../fused.js';
import { OutOfMemoryError } from '../outOfMemory.js';
import { REPORT } from '../report.js';
import { layoutOf, QUAD, roomOf, sliceSize } from './layout.js';
import { obstacle } from './obstacle.js';
import { pipelineOf } from './pipeline.js';
import { shaderText } from './shader.js';
import { CALL_BYTES, callWords, spansOf, tableOf, trackWords } from './words.js';

/** Slices of workgroups that run together need no more memory than this. */
const SLICES_BYTES = 2 ** 28;

/** Written into the report before the kernel runs: what stays so, no kernel has written. */
const NOTHING = -1;

/** The buffer of a tensor, and no copy of it on the host. */
function bufferOf(backend: WebGPUBackend, { dataId }: TensorInfo): GPUBuffer {
  backend.uploadToGPU(dataId);
  const data = backend.tensorMap.get(dataId);
  // It would be returned by reads, though the kernel has changed what is on the device.
  data.values = null as never;
  return data.resource as GPUBuffer;
}

/**
 * Advances the trajectories of a task; returns their reports and the memory.
 * @throws OutOfMemoryError if the device cannot hold them
 */
export function advance(
  backend: WebGPUBackend,
  inputs: AdvanceInputs<TensorInfo>,
  attrs: AdvanceAttrs,
): TensorInfo[] {
  assertMethod(attrs.method);
  const { device, queue, bufferManager } = backend;
  const reason = obstacle(attrs, device);
  if (reason) throw new OutOfMemoryError(reason);
  const batch = attrs.clocks.length;
  const layout = layoutOf(attrs, roomOf(device));
  const spans = batch * (1 + attrs.stop.saveTimes.length);
  const words = spans + batch * trackWords(attrs.method, layout);
  const memory = inputs.memory ?? backend.makeTensorInfo([words], 'float32');
  if (inputs.memory) backend.incRef(memory.dataId);
  const report = backend.makeTensorInfo([batch, REPORT], 'int32');
  const buffers = [inputs.state, inputs.saved, memory, report].map((info) => bufferOf(backend, info));
  // What the backend has recorded so far comes before.
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();

  if (!inputs.memory) queue.writeBuffer(buffers[2]!, 0, spansOf(attrs));
  queue.writeBuffer(buffers[3]!, 0, new Int32Array(batch * REPORT).fill(NOTHING));
  const temporary: GPUBuffer[] = [];
  const acquire = (size: number, usage: number): GPUBuffer => {
    const buffer = bufferManager.acquireBuffer(size, usage);
    temporary.push(buffer);
    return buffer;
  };
  const numbers = tableOf(attrs, layout);
  const table = acquire(Math.max(4, numbers.byteLength), GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
  queue.writeBuffer(table, 0, numbers as Float32Array<ArrayBuffer>);
  const slice = sliceSize(layout) * QUAD;
  const together = workgroupsTogether(device, slice, batch);
  const slices = slice > 0 ? [acquire(slice * together, GPUBufferUsage.STORAGE)] : [];

  const pipeline = pipelineOf(device, shaderText(attrs, layout), slice > 0);
  const encoder = device.createCommandEncoder();
  for (let first = 0; first < batch; first += together) {
    const call = acquire(CALL_BYTES, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    queue.writeBuffer(call, 0, callWords(attrs, first, inputs.memory !== undefined, spans));
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [call, table, ...buffers, ...slices].map((buffer, binding) => ({
        binding,
        resource: { buffer },
      })),
    });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(Math.min(together, batch - first));
    pass.end();
  }
  queue.submit([encoder.finish()]);
  temporary.forEach((buffer) => bufferManager.releaseBuffer(buffer));
  // Another tensor of the same data, as each is disposed of by itself.
  return [report, { dataId: memory.dataId, shape: memory.shape, dtype: memory.dtype }];
}

/** Workgroups of one dispatch: more would be beyond a dimension of it, or beyond the memory of their slices. */
function workgroupsTogether({ limits }: GPUDevice, slice: number, batch: number): number {
  const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize, SLICES_BYTES);
  return Math.min(
    batch,
    limits.maxComputeWorkgroupsPerDimension,
    slice > 0 ? Math.max(1, Math.floor(most / slice)) : Infinity,
  );
}

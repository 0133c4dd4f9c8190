/**
 * The fused kernel on TensorFlow.js's webgpu backend: it runs on the backend's own device and queue, and on the buffers
 * of its tensors, which it updates in place. Only float32.
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
import { REPORT } from '../report.js';
import { assertMethod } from '../../src/method/method.js';
import { OutOfMemoryError } from '../outOfMemory.js';
import { drawnOnDevice } from './philox.js';
import { layoutOf, onProcessor, QUAD, roomOf, sliceSize } from './layout.js';
import { shaderText } from './shader.js';
import { kinds, shaderOf } from './structures.js';
import { CALL_BYTES, callWords, spansOf, tableOf, trackWords } from './words.js';

/** Slices of workgroups that run together need no more memory than this. */
const SLICES_BYTES = 2 ** 28;

export const webgpuKernel: FusedKernel = {
  kinds,
  precisions: ['float32'],
  obstacle,
  normals: (count, keys, stream) => drawnOnDevice('normals', count, keys, stream),
  stepsPerCall(attrs) {
    const { device } = ownBackend();
    return Math.max(1, Math.floor(0.1 / secondsPerStep(attrs, roomOf(device).subgroup)));
  },
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

/** What keeps the device of webgpu from running the kernel so; null if nothing does. */
function obstacle(attrs: AdvanceTask): string | null {
  const { device } = ownBackend();
  const { method, n, m, rank, clocks, stop } = attrs;
  const layout = layoutOf(attrs, roomOf(device));
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const perTrajectory = {
    states: (n + m) * rank * 4,
    'saved states': stop.saveTimes.length * (n + m) * rank * 4,
    memory: (1 + stop.saveTimes.length + trackWords(method, layout)) * 4,
  };
  for (const [what, bytes] of Object.entries(perTrajectory))
    if (bytes * clocks.length > most)
      return `the ${what} of ${clocks.length} trajectories need ${bytes * clocks.length} bytes, a buffer holds ${most}`;
  const strange = strangeSpan(attrs) ?? smallScale(attrs);
  if (strange !== null) return strange;
  const slice = sliceSize(layout) * QUAD;
  if (slice > most) return `one trajectory needs ${slice} bytes, a buffer holds ${most}`;
  return null;
}

/** Spans between save times that float32 numbers, or counts of steps, hold with room around them. */
const SPANS = { least: 2 ** -100, most: 2 ** 100, steps: 2 ** 31 - 1 };

/** Why the kernel cannot count the time between two save times; null if it can. */
function strangeSpan({ method, stop: { saveTimes }, clocks }: AdvanceTask): string | null {
  for (const [k, to] of saveTimes.entries()) {
    const span = to - (saveTimes[k - 1] ?? 0);
    if (span === 0) continue;
    if (method.control.kind === 'fixed') {
      if (span / method.control.step > SPANS.steps)
        return `more than ${SPANS.steps} steps between save times`;
    } else if (clocks.some((clock) => !(span * clock >= SPANS.least && span * clock <= SPANS.most)))
      return `${span} between save times is out of the range of its time`;
  }
  return null;
}

/** Below this the squares of slopes underflow, and what moves looks stationary. */
const LEAST_SCALE = 2 ** -40;

/** Why the kernel cannot tell the slopes of a structure from none; null if it can. */
function smallScale({ structure }: AdvanceTask): string | null {
  if (!(kinds as string[]).includes(structure.kind)) return null;
  const scale = shaderOf(structure).scale(structure);
  return scale > 0 && scale < LEAST_SCALE ? `slopes at the scale of ${scale} underflow when squared` : null;
}

/** Written into the report before the kernel runs: what stays so, no kernel has written. */
const NOTHING = -1;

/** Pipelines by their text, for each device. */
const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

function pipelineOf(device: GPUDevice, code: string, sliced: boolean): GPUComputePipeline {
  const known = pipelines.get(device) ?? new Map<string, GPUComputePipeline>();
  pipelines.set(device, known);
  let pipeline = known.get(code);
  if (!pipeline) {
    const types: GPUBufferBindingType[] = [
      'uniform',
      'read-only-storage',
      ...new Array<GPUBufferBindingType>(sliced ? 5 : 4).fill('storage'),
    ];
    const group = device.createBindGroupLayout({
      entries: types.map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      })),
    });
    // Errors of the text are heard of as uncaptured errors of the device (src/backend/webgpu.ts).
    pipeline = device.createComputePipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: [group] }),
      compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
    });
    known.set(code, pipeline);
  }
  return pipeline;
}

/** The buffer of a tensor, and no copy of it on the host. */
function bufferOf(backend: WebGPUBackend, { dataId }: TensorInfo): GPUBuffer {
  backend.uploadToGPU(dataId);
  const data = backend.tensorMap.get(dataId);
  // It would be returned by reads, though the kernel has changed what is on the device.
  data.values = null as never;
  return data.resource as GPUBuffer;
}

function advance(
  backend: WebGPUBackend,
  inputs: AdvanceInputs<TensorInfo>,
  attrs: AdvanceAttrs,
): TensorInfo[] {
  assertMethod(attrs.method);
  const reason = obstacle(attrs);
  if (reason) throw new OutOfMemoryError(reason);
  const { device, queue, bufferManager } = backend;
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

/** Seconds that a step of all trajectories takes, at most on most devices. */
function secondsPerStep(attrs: AdvanceTask, subgroup: number): number {
  const operations = operationsPerStep(attrs);
  const together = onProcessor(subgroup) ? 2e9 : 2e11;
  // One trajectory has a workgroup to itself, which waits for its memory and at barriers.
  const alone = operations / 1e9 + attrs.method.scheme.mostEvaluations * 1e-5;
  return Math.max((operations * attrs.clocks.length) / together, alone);
}

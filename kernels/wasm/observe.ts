/** Observes states in the memory of TensorFlow.js's wasm backend (kernels/observe.ts), one thread, without a copy. */
import { getKernel, registerKernel, util, type TensorInfo } from '@tensorflow/tfjs';
import { tailOf } from '../cpu/structures/diagonal.js';
import { MEASURES, OBSERVE, type ObserveAttrs, type ObserveInputs } from '../observe.js';
import { guardMemory, type WasmBackend } from './backend.js';
import { loadModule } from './module.js';

/** Exports of the compiled module (assembly/observe.ts). */
interface Exports {
  observe(
    states: number,
    wide: boolean,
    trajectories: number,
    each: number,
    reached: number,
    out: number,
    all: boolean,
    n: number,
    m: number,
    rank: number,
    sigma: number,
    count: number,
    tail: number,
    weightX: number,
    weightY: number,
    room: number,
  ): void;
}

/** Kinds of structures whose states are observed. */
export const observed = ['diagonal'] as const;

/** Loads the kernel and registers it with TensorFlow.js, unless it is. */
export async function registerWasmObserver(): Promise<void> {
  if (getKernel(OBSERVE, 'wasm')) return;
  const module = await loadModule('observe.wasm');
  if (!module) throw new Error('states cannot be observed on wasm here: no SIMD');
  const instances = new WeakMap<WebAssembly.Memory, Exports>();
  registerKernel({
    kernelName: OBSERVE,
    backendName: 'wasm',
    kernelFunc({ inputs, attrs, backend: opened }) {
      const backend = opened as unknown as WasmBackend;
      guardMemory(backend);
      const { memory } = backend.wasm.asm;
      const instance =
        instances.get(memory) ??
        (new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports);
      instances.set(memory, instance);
      const { states } = inputs as unknown as ObserveInputs<TensorInfo>;
      return observe(instance, backend, states, attrs as unknown as ObserveAttrs);
    },
  });
}

function observe(
  instance: Exports,
  backend: WasmBackend,
  states: TensorInfo,
  { structure, n, m, rank, precision, weights, all, each, reached, from, to }: ObserveAttrs,
): TensorInfo {
  if (structure.kind !== 'diagonal') throw new Error(`states are not observed of ${structure.kind}`);
  const { sigma } = structure;
  const words = (n + m) * rank * (precision === 'float64' ? 2 : 1);
  if (util.sizeFromShape(states.shape) !== words * each * reached.length)
    throw new Error(`invalid shape: [${states.shape.join(', ')}]`);
  const out = backend.makeOutput([to - from, each, 2 * (all ? MEASURES : 1)], 'float32');
  const columns = rank + (rank % 2);
  const roomBytes = 8 * columns * (n + m + 7 * rank);
  const room = backend.wasm._malloc(roomBytes + sigma.byteLength + 4 * (to - from)) >>> 0;
  try {
    const [sigmaAt, reachedAt] = [room + roomBytes, room + roomBytes + sigma.byteLength];
    const { buffer } = backend.wasm.HEAPU8;
    new Float64Array(buffer, sigmaAt, sigma.length).set(sigma);
    new Int32Array(buffer, reachedAt, to - from).set(reached.subarray(from, to));
    const address = ({ dataId }: TensorInfo) => backend.getMemoryOffset(dataId) >>> 0;
    instance.observe(
      address(states) + 4 * words * each * from,
      precision === 'float64',
      to - from,
      each,
      reachedAt,
      address(out),
      all,
      ...([n, m, rank] as const),
      ...([sigmaAt, sigma.length, tailOf(sigma, rank)] as const),
      ...weights,
      room,
    );
  } finally {
    backend.wasm._free(room);
  }
  return out;
}

/** The backends that compute on the processor in this thread: TensorFlow.js's own 'cpu', and 'wasm'. */
import * as tf from '@tensorflow/tfjs';
import { registerCpuKernel } from '../../kernels/cpu/advance.js';
import { guardMemory, type WasmBackend } from '../../kernels/wasm/backend.js';
import { registerWasmKernel } from '../../kernels/wasm/kernel.js';
import { variantsHere } from '../../kernels/wasm/variants.js';
import { InputError } from '../host/inputError.js';
import { Unavailable, type Opened, type OpenOptions } from './backend.js';
import { firstLine, inNode } from '../host/platform.js';

/**
 * Measured for a Bogacki-Shampine step on wasm (ns per element and step, one Zen core; n = 384 at r = 16 and 32,
 * n = 64 at r = 8): 2^14 76, 51, 103; 2^16 58, 50, 83; 2^17 60, 50, 80; 2^18 67, 66, 74; 2^20 202, 385, 74.
 * Larger states fall out of the caches; smaller ones pay for calls. The cpu backend does not care (550-800).
 */
const CHUNK_ELEMENTS = 2 ** 17;
/** XNNPACK multiplies a matrix by 16 columns as fast as by 512. */
const SHARED_COLUMNS = 16;

/**
 * Computes with TensorFlow.js's cpu backend, of which there is nothing to open, and disposes of the tensors that this
 * made. Nothing else runs meanwhile, so that what is under way on another backend does not notice.
 */
export function onProcessor<T>(work: () => T): T {
  tf.enableProdMode();
  const before = tf.getBackend() as string | undefined;
  // Of cpu, and of a backend that is there, this is done when it returns.
  void tf.setBackend('cpu');
  try {
    tf.engine().startScope();
    return work();
  } finally {
    tf.engine().endScope();
    if (before) void tf.setBackend(before);
  }
}

/** @throws Unavailable never: it is part of TensorFlow.js */
export async function openCpu(): Promise<Opened> {
  registerCpuKernel();
  return describe('plain JavaScript', null, { threads: 1 });
}

/**
 * @throws Unavailable if WebAssembly or the package is missing
 * @throws InputError if the fused kernel that is asked for does not run here
 */
export async function openWasm({ fusedKernel }: OpenOptions = {}): Promise<Opened> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm').catch((error: unknown) => {
    throw new Unavailable(
      `@tensorflow/tfjs-backend-wasm did not load (${firstLine(error)}): run npm install`,
    );
  });
  // The fused kernel works in a memory that one thread has to itself.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const restore = inNode() ? rememberListeners() : () => undefined;
  const started = await tf.setBackend('wasm');
  restore();
  if (!started) throw new Unavailable('TensorFlow.js could not start its wasm backend');
  guardMemory(tf.backend() as unknown as WasmBackend);
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const threads = Math.max(1, wasm.getThreadsCount());
  if (!simd) return describe('WebAssembly', null, { simd: 'no', threads });
  const { variant, notNative } = await registerWasmKernel(fusedKernel).catch(async (error: unknown) => {
    if (!fusedKernel || fusedKernel === 'auto') throw new Unavailable(firstLine(error));
    const here = (await variantsHere()).join(', ');
    throw new InputError('fusedKernel', fusedKernel, `one that runs here, of ${here} (${firstLine(error)})`);
  });
  return describe('WebAssembly SIMD', variant, {
    ...{ simd: 'yes', threads, 'fused kernel': variant },
    ...(notNative && { 'not native': notNative }),
  });
}

/**
 * Starting WebAssembly built by Emscripten adds process-wide handlers that rethrow what nobody caught, so that Node
 * prints a page of its code and ends with exit code 7. The function returned takes them off again.
 */
function rememberListeners(): () => void {
  const emitter: NodeJS.EventEmitter = process;
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = events.map((event) => emitter.listeners(event));
  return () => {
    events.forEach((event, i) => {
      for (const listener of emitter.listeners(event)) {
        if (!before[i]?.includes(listener)) emitter.removeListener(event, listener as () => void);
      }
    });
  };
}

const describe = async (
  variant: string,
  fusedVariant: Opened['fusedVariant'],
  limits: Opened['limits'],
): Promise<Opened> => ({
  device: `CPU, ${variant}${fusedVariant ? ` with ${fusedVariant}` : ''}, ${await processorName()}`,
  variant,
  fusedVariant,
  software: false,
  gpu: false,
  tf32: false,
  limits,
  chunkElements: CHUNK_ELEMENTS,
  mostTrajectories: Infinity,
  sharedColumns: SHARED_COLUMNS,
  check: () => Promise.resolve(),
  close: () => undefined,
});

/** Name of the processor as the operating system has it. */
export async function processorName(): Promise<string> {
  if (!inNode()) return 'in a browser';
  const { cpus } = await import('node:os');
  return cpus()[0]?.model.trim() ?? 'unknown processor';
}

/**
 * Choosing a backend and listing them. What is forced is used or refused; 'auto' takes the fastest that works: a GPU
 * through TensorFlow, a GPU through WebGPU, WebAssembly, then what has no fused kernels: a GPU through WebGL,
 * TensorFlow on the CPU, plain JavaScript. Every backend is proven by a computation before it is used or said to be
 * available.
 */
import * as tf from '@tensorflow/tfjs';
import { isChosen } from '../../kernels/wasm/variants.js';
import { InputError } from '../host/inputError.js';
import {
  backendNames,
  Unavailable,
  type BackendInfo,
  type BackendName,
  type BackendOptions,
  type BackendReport,
  type Opened,
  type OpenOptions,
} from './backend.js';
import { openCpu, openWasm } from './processor.js';
import { prove, type Precision } from './proof.js';
import { inTurn, outOfTurn } from './turn.js';

/** Openers of the backends; those that few use are loaded where they are asked for. */
const openers: Record<BackendName, (options: OpenOptions) => Promise<Opened>> = {
  tensorflow: async (options) => (await import('./tensorflow.js')).openTensorflow(options),
  webgpu: async () => (await import('./webgpu.js')).openWebgpu(),
  webgl: async () => (await import('./webgl.js')).openWebgl(),
  wasm: openWasm,
  cpu: openCpu,
};

type Suits = (device: Opened) => boolean;
const anything: Suits = () => true;

/** Backends in the order that 'auto' tries: it takes the first that works and suits. */
const preferences: readonly { name: BackendName; suits: Suits; gpuOnly?: boolean }[] = [
  { name: 'tensorflow', suits: ({ gpu }) => gpu, gpuOnly: true },
  { name: 'webgpu', suits: ({ software }) => !software },
  { name: 'wasm', suits: anything },
  { name: 'webgl', suits: ({ software }) => !software },
  { name: 'tensorflow', suits: anything },
  { name: 'cpu', suits: anything },
];

type Proven = Opened & { readonly precision: Precision };

/** Backends that are open. */
const open = new Map<BackendName, Proven>();
/** Number of users of each open backend. */
const users = new Map<BackendName, number>();

/**
 * Makes a backend the one that TensorFlow.js computes on. It stays open, with its tensors, until closeBackends().
 * @throws InputError as openBackend
 */
export const useBackend = (name: BackendName | 'auto', options: BackendOptions = {}): Promise<BackendInfo> =>
  alone(async () => {
    const backend = await opened(name, options);
    await tf.setBackend(backend.name);
    return backend;
  });

/**
 * Opens and proves a backend, unless it is open, until closeBackend() was called as often as this, or closeBackends().
 * @throws InputError if there is no such backend, it cannot be had here, or it cannot compute as asked
 */
export const openBackend = (name: BackendName | 'auto', options: BackendOptions = {}): Promise<BackendInfo> =>
  alone(() => opened(name, options));

/** Work that changes the backend which TensorFlow.js is on, with no other at the same time. */
const alone = <T>(work: () => Promise<T>): Promise<T> => inTurn(Symbol('alone'), work);

/** Does work on an open backend; what is on another one waits. */
export const onBackend = <T>(name: BackendName, work: () => Promise<T>): Promise<T> =>
  inTurn(name, async () => {
    if (tf.getBackend() !== name) await tf.setBackend(name);
    return work();
  });

/** Waits for something in the midst of work on a backend; work on others goes on meanwhile. */
export async function offBackend<T>(name: BackendName, wait: () => T | Promise<T>): Promise<T> {
  try {
    return await outOfTurn(name, wait);
  } finally {
    if (tf.getBackend() !== name) await tf.setBackend(name);
  }
}

async function opened(name: BackendName | 'auto', options: BackendOptions): Promise<BackendInfo> {
  const allowed = ['auto', ...backendNames];
  if (!allowed.includes(name)) throw new InputError('backend', name, `one of ${allowed.join(', ')}`);
  quieten();
  const { fusedKernel = 'auto' } = options;
  // Where a fused kernel is asked for, its backend is.
  const any = fusedKernel === 'auto' ? () => choose(options) : () => 'wasm' as const;
  const chosen = name === 'auto' ? await any() : name;
  const device = await obtain(chosen, options).catch((error: unknown) => {
    if (!(error instanceof Unavailable)) throw error;
    throw new InputError('backend', name, `a backend that works here (${error.message})`);
  });
  if (options.tf32 !== undefined && options.tf32 !== device.tf32) {
    const loaded = chosen === 'tensorflow' && device.gpu ? ', as when this process loaded TensorFlow' : '';
    throw new InputError('tf32', options.tf32, `${device.tf32} on ${chosen} (${device.device})${loaded}`);
  }
  if (fusedKernel !== 'auto' && !(device.fusedVariant && isChosen(device.fusedVariant, fusedKernel)))
    throw new InputError(
      'fusedKernel',
      fusedKernel,
      device.fusedVariant
        ? `auto or ${device.fusedVariant}, which is open in this process`
        : `auto on ${chosen}: native and wasm are of the backend wasm`,
    );
  users.set(chosen, (users.get(chosen) ?? 0) + 1);
  const {
    device: words,
    variant,
    fusedVariant,
    software,
    limits,
    precision,
    chunkElements,
    mostTrajectories,
    sharedColumns,
    check,
  } = device;
  return {
    name: chosen,
    device: words,
    variant,
    fusedVariant,
    software,
    limits,
    precision,
    tfjs: tf.version.tfjs,
    chunkElements,
    mostTrajectories,
    sharedColumns,
    check,
  };
}

/**
 * Tries every backend. TensorFlow.js is left on the backend it was on, or on 'cpu' if none had been chosen; devices
 * opened for the list are closed.
 */
export const listBackends = (): Promise<BackendReport[]> => alone(listed);

async function listed(): Promise<BackendReport[]> {
  quieten();
  const before = tf.getBackend() as string | undefined;
  const openBefore = new Set(open.keys());
  const found = new Map<BackendName, Proven | Unavailable>();
  for (const name of backendNames) found.set(name, await attempt(name, {}, anything));
  const preferred = firstPreferred((name) => found.get(name) as Proven | Unavailable);
  for (const name of [...open.keys()]) if (!openBefore.has(name)) close(name);
  await tf.setBackend(before || 'cpu');
  return backendNames.map((name) => {
    const result = found.get(name) as Proven | Unavailable;
    if (result instanceof Unavailable) {
      const reason = result.message;
      return { name, available: false, device: '', software: false, limits: {}, reason, preferred: false };
    }
    const { device, software, limits } = result;
    return { name, available: true, device, software, limits, reason: '', preferred: name === preferred };
  });
}

/** Closes all devices; their tensors are gone. TensorFlow.js is left on 'cpu' if its backend was among them. */
export async function closeBackends(): Promise<void> {
  for (const name of [...open.keys()]) close(name);
  if (!tf.getBackend()) await tf.setBackend('cpu');
}

/** TensorFlow.js recommends tfjs-node in a banner, and warns of slow reads, unless it is told that this is no trial. */
const quieten = () => tf.enableProdMode();

async function choose(options: BackendOptions): Promise<BackendName> {
  for (const { name, suits, gpuOnly = false } of preferences) {
    if (!((await attempt(name, { ...options, gpuOnly }, suits)) instanceof Unavailable)) return name;
  }
  throw new Error('not even the cpu backend of TensorFlow.js works');
}

const firstPreferred = (resultOf: (name: BackendName) => Proven | Unavailable): BackendName | null =>
  preferences.find(({ name, suits }) => {
    const result = resultOf(name);
    return !(result instanceof Unavailable) && suits(result);
  })?.name ?? null;

const attempt = (name: BackendName, options: OpenOptions, suits: Suits): Promise<Proven | Unavailable> =>
  obtain(name, options, suits).catch((error: unknown) =>
    error instanceof Unavailable
      ? error
      : new Unavailable(error instanceof Error ? error.message : String(error)),
  );

/**
 * Opens a backend, unless it is open, and proves it.
 * @throws Unavailable if it cannot be had here, or does not suit
 */
async function obtain(name: BackendName, options: OpenOptions, suits: Suits = anything): Promise<Proven> {
  const known = open.get(name);
  const opened = known ?? (await openers[name](options));
  if (!suits(opened)) {
    if (!known) opened.close();
    throw new Unavailable(`${opened.device} does not suit`);
  }
  if (known) return known;
  try {
    const precision = await prove(name);
    await opened.check();
    const proven = { ...opened, precision };
    open.set(name, proven);
    return proven;
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** Ends one use of a backend; with the last its device is closed, and its tensors are gone. */
export function closeBackend(name: BackendName): void {
  const left = (users.get(name) ?? 0) - 1;
  if (left > 0) users.set(name, left);
  else close(name);
}

function close(name: BackendName): void {
  open.get(name)?.close();
  open.delete(name);
  users.delete(name);
}

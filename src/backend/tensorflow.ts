/**
 * TensorFlow's C library in Node: @tensorflow/tfjs-node-gpu (CUDA) or @tensorflow/tfjs-node, as
 * `npm run setup:tensorflow` builds one in .tensorflow/, or installed as an optional peer. Loaded only here.
 */
import * as tf from '@tensorflow/tfjs';
import { Unavailable, type Opened, type OpenOptions } from './backend.js';
import { GPU_CHUNK_ELEMENTS } from './memory.js';
import { inNode } from '../host/platform.js';
import { processorName } from './processor.js';

const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** TensorFlow on the CPU multiplies a batch's matrices on all cores: twice the chunk of one thread, not measured. */
const CPU_CHUNK_ELEMENTS = 2 ** 18;
/** Two slabs of kernels/tensorOps/matMul.ts. */
const SHARED_COLUMNS = 256;

/** The part of tfjs-node's backend that is read here. */
interface NodeBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

/** A package that is there. */
interface Found {
  readonly name: (typeof packages)[number];
  /** File that loads it. */
  readonly entry: string;
  readonly version: string;
  load(): unknown;
}

/** Whether TensorFlow was loaded with TensorFloat-32, which it cannot be again; null before. */
let loadedTf32: boolean | null = null;

/** @throws Unavailable outside Node, or if no package loads */
export async function openTensorflow({ tf32 = false, gpuOnly = false }: OpenOptions = {}): Promise<Opened> {
  if (!inNode()) throw new Unavailable('it needs Node.js');
  if (loadedTf32 === null) await prepareProcess(tf32);
  const { explained } = await import('./tensorflowFailure.js');
  const failures: string[] = [];
  for (const found of await findPackages(gpuOnly ? [packages[0]] : packages)) {
    const { name, version } = found;
    if (version !== tf.version.tfjs) {
      failures.push(`${name} is ${version}, for TensorFlow.js ${version}: rankflow has ${tf.version.tfjs}`);
      continue;
    }
    try {
      found.load();
      if (!tf.findBackend('tensorflow'))
        throw new Error('it registers no backend with the TensorFlow.js in use');
    } catch (error) {
      failures.push(`${name} fails: ${explained(error)}`);
      continue;
    }
    loadedTf32 ??= tf32;
    return await describe(found, loadedTf32);
  }
  if (failures.length > 0) throw new Unavailable(failures.join('; '));
  throw new Unavailable(
    `${packages.join(' or ')} is not installed: npm run setup:tensorflow builds it in a checkout of rankflow, ` +
      'for an NVIDIA GPU with -- --gpu; elsewhere ' +
      `npm install ${packages[1]}@${tf.version.tfjs} or ${packages[0]}@${tf.version.tfjs}`,
  );
}

/** The packages that are installed: one built for this machine before those that came as they were published. */
async function findPackages(names: readonly Found['name'][]): Promise<Found[]> {
  const { createRequire } = await import('node:module');
  const { join } = await import('node:path');
  const { packageRoot } = await import('../host/packageRoot.js');
  const places = [join(packageRoot, '.tensorflow', 'package.json'), import.meta.url];
  return places.flatMap((place) => {
    const require = createRequire(place);
    return names.flatMap((name): Found[] => {
      try {
        const { version } = require(`${name}/package.json`) as { version: string };
        return [{ name, entry: require.resolve(name), version, load: () => require(name) as unknown }];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
        return [];
      }
    });
  });
}

async function prepareProcess(tf32: boolean): Promise<void> {
  // TensorFlow would round float32 factors to 10 bits on Ampere and later GPUs.
  if (tf32) delete process.env['NVIDIA_TF32_OVERRIDE'];
  else process.env['NVIDIA_TF32_OVERRIDE'] = '0';
  // oneDNN would sum in an order that depends on the batch, and a trajectory must not depend on others.
  process.env['TF_ENABLE_ONEDNN_OPTS'] = '0';
  // Its log starts at errors: what matters of warnings is told in words.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  // tfjs-node calls two functions that Node 23 removed.
  const util = (await import('node:util')).default as unknown as Record<string, unknown>;
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}

async function describe({ name, entry }: Found, tf32: boolean): Promise<Opened> {
  const { isUsingGpuDevice: gpu, binding } = tf.findBackend('tensorflow') as unknown as NodeBackend;
  const version = binding.TF_Version;
  return {
    device: gpu
      ? `GPU through CUDA, ${await gpuName()}, TensorFlow ${version}`
      : `CPU, TensorFlow ${version}, ${await processorName()}${name === packages[0] ? await noGpu(entry) : ''}`,
    software: false,
    variant: `${gpu ? 'GPU' : 'CPU'}, TensorFlow ${version}`,
    fusedVariant: null,
    gpu,
    tf32: gpu && tf32,
    limits: { package: name, TensorFlow: version },
    chunkElements: gpu ? GPU_CHUNK_ELEMENTS : CPU_CHUNK_ELEMENTS,
    mostTrajectories: Infinity,
    sharedColumns: gpu ? 0 : SHARED_COLUMNS,
    check: () => Promise.resolve(),
    close: () => undefined,
  };
}

async function noGpu(entry: string): Promise<string> {
  const { gpuObstacle } = await import('./tensorflowFailure.js');
  const obstacle = gpuObstacle(entry);
  return ` (no CUDA device was found${obstacle ? `: ${obstacle}` : ''})`;
}

/** Name and driver of the first GPU, as NVIDIA's own tool has them. */
async function gpuName(): Promise<string> {
  const { execFileSync } = await import('node:child_process');
  try {
    const args = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
    const [name, driver] = execFileSync('nvidia-smi', args, { encoding: 'utf8' }).split('\n')[0]!.split(', ');
    return `${name}, driver ${driver}`;
  } catch {
    return 'of unknown name';
  }
}

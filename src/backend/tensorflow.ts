/**
 * TensorFlow's C library in Node: @tensorflow/tfjs-node-gpu (CUDA), else @tensorflow/tfjs-node. Both are optional
 * peers, loaded only here.
 */
import * as tf from '@tensorflow/tfjs';
import { Unavailable, type Opened } from './backend.js';
import { GPU_CHUNK_ELEMENTS } from './memory.js';
import { firstLine, inNode } from './platform.js';
import { processorName } from './processor.js';

const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** TensorFlow on the CPU multiplies a batch's matrices on all cores: twice the chunk of one thread, not measured. */
const CPU_CHUNK_ELEMENTS = 2 ** 18;

/** The part of tfjs-node's backend that is read here. */
interface NodeBackend {
  readonly isUsingGpuDevice?: boolean;
  readonly binding?: { readonly TF_Version?: string };
}

/** @throws Unavailable outside Node, or if neither package loads */
export async function openTensorflow(): Promise<Opened> {
  if (!inNode()) throw new Unavailable('it needs Node.js');
  await prepareProcess();
  const failures: string[] = [];
  for (const name of packages) {
    try {
      await import(/* @vite-ignore */ name);
      return await describe(name);
    } catch (error) {
      failures.push(
        isMissing(error, name) ? `${name} is not installed` : `${name} fails: ${firstLine(error)}`,
      );
    }
  }
  throw new Unavailable(
    `${failures.join('; ')}: run npm install ${packages[1]}@${tf.version.tfjs}, ` +
      `or for an NVIDIA GPU with CUDA npm install ${packages[0]}@${tf.version.tfjs}`,
  );
}

async function prepareProcess(): Promise<void> {
  // TensorFlow would round float32 factors to 10 bits on Ampere and later GPUs.
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  // Its log starts at warnings.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
  // tfjs-node calls two functions that Node 23 removed.
  const util = (await import('node:util')).default as unknown as Record<string, unknown>;
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}

async function describe(name: string): Promise<Opened> {
  const backend = tf.findBackend('tensorflow') as NodeBackend | null;
  if (!backend) throw new Error('it registers no backend with the TensorFlow.js in use');
  const version = backend.binding?.TF_Version ?? 'of unknown version';
  const gpu = backend.isUsingGpuDevice ?? false;
  return {
    device: gpu
      ? `GPU through CUDA, TensorFlow ${version}`
      : `CPU, TensorFlow ${version}, ${await processorName()}${name === packages[0] ? ' (no CUDA device was found)' : ''}`,
    software: false,
    gpu,
    limits: { package: name, TensorFlow: version },
    chunkElements: gpu ? GPU_CHUNK_ELEMENTS : CPU_CHUNK_ELEMENTS,
    mostTrajectories: Infinity,
    check: () => Promise.resolve(),
    close: () => undefined,
  };
}

/** Node says "Cannot find package 'name'", bundlers "Could not resolve". */
const isMissing = (error: unknown, name: string): boolean =>
  /^(cannot find (package|module)|could not resolve)/i.test(firstLine(error)) &&
  new RegExp(`['"]${name}['"]`).test(firstLine(error));

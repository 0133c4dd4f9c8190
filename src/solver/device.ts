/**
 * Devices: what a computation runs on. One is opened once, passed to whatever computes, and closed; several can be open
 * at once, and take turns where they share a thread.
 */
import { fusedKernel, type FusedKernel } from '../../kernels/fused.js';
import { fusedChoices, type FusedChoice } from '../../kernels/wasm/variants.js';
import {
  isOnProcessor,
  trajectoriesTogether,
  type BackendInfo,
  type BackendName,
} from '../backend/backend.js';
import { closeBackend, offBackend, onBackend, openBackend } from '../backend/useBackend.js';
import { InputError } from '../host/inputError.js';
import { inNode } from '../host/platform.js';
import type { Problem } from '../problem/problem.js';
import { sharesProducts } from './path.js';
import type { Path } from './paths.js';
import type { Pool } from './pool.js';

/** Trajectories that advance together, by the width of their factors and the way they are computed. */
export type ChunkRule = (width: number, path: Path) => number;

export interface Device {
  /** The backend: its name, its device in words, its precision. */
  readonly info: BackendInfo;
  /** The fused kernel of the backend; undefined if it has none. */
  readonly kernel: FusedKernel | undefined;
  /** Workers that chunks are spread over; null if this thread solves them. */
  readonly pool: Pool | null;
  /** Threads that a fused kernel with threads of its own takes for chunks that this thread solves. */
  readonly threads: number;
  /** Number of trajectories of a problem that advance together, at so many save times. */
  chunkRule(problem: Problem, saves: number): ChunkRule;
  /**
   * Does work in this thread with TensorFlow.js on this device, when no other device has work here. Work must not wait
   * for another device, but within `pause`.
   * @throws Error if the device is closed
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Waits for something in the midst of work of `run`; other devices have their turn meanwhile. */
  pause<T>(wait: () => T | Promise<T>): Promise<T>;
  /**
   * Asks whether all went well; to be awaited after results have been read, for a GPU returns garbage without an
   * exception.
   * @throws Error if the device is closed, was lost, or refused work that it was given
   */
  check(): Promise<void>;
  /** Ends the workers and, if no other device of this process is on the same backend, frees it with its tensors. */
  close(): Promise<void>;
}

export interface DeviceOptions {
  /** Let an NVIDIA GPU round the factors of matrix products to TensorFloat-32 (default: false). */
  readonly tf32?: boolean | undefined;
  /** Threads that trajectories are spread over, on wasm and cpu (default: one for each core; in browsers this one). */
  readonly workers?: number | undefined;
  /**
   * The implementation of the fused kernel on wasm: native code where it was built, or WebAssembly (default: 'auto',
   * the fastest that runs here).
   */
  readonly fusedKernel?: FusedChoice | undefined;
}

/**
 * Opens a device and proves by a computation that it works.
 * @param name of a backend; 'auto' takes the fastest that works
 * @throws InputError if there is no such backend, it cannot be had here, or it cannot compute as asked
 */
export async function openDevice(
  name: BackendName | 'auto' = 'auto',
  { tf32, workers, fusedKernel }: DeviceOptions = {},
): Promise<Device> {
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 1))
    throw new InputError('workers', workers, 'a whole number from 1 on');
  if (fusedKernel !== undefined && !fusedChoices.includes(fusedKernel))
    throw new InputError('fusedKernel', fusedKernel, `one of ${fusedChoices.join(', ')}`);
  const info = await openBackend(name, { tf32, fusedKernel });
  try {
    const pool = workers === 1 || !inNode() ? null : (await import('./pool.js')).poolFor(info, workers);
    return deviceOf(info, pool);
  } catch (error) {
    closeBackend(info.name);
    throw error;
  }
}

function deviceOf(info: BackendInfo, pool: Pool | null): Device {
  let open = true;
  const assertOpen = () => {
    if (!open) throw new Error(`the device is closed: ${info.device}`);
  };
  return {
    info,
    kernel: fusedKernel(info.name),
    pool,
    threads: pool?.workers ?? 1,
    chunkRule: (problem, saves) => chunkRule(problem, info, saves),
    async run(work) {
      assertOpen();
      return onBackend(info.name, work);
    },
    pause: (wait) => offBackend(info.name, wait),
    async check() {
      assertOpen();
      return info.check();
    },
    async close() {
      if (!open) return;
      open = false;
      await pool?.close();
      closeBackend(info.name);
    },
  };
}

/**
 * State elements that a fused kernel should be given at once: on a processor 4 MiB of them in float32, which its caches
 * still hold when they are observed; elsewhere 32 MiB.
 */
const FUSED_ELEMENTS = { processor: 2 ** 20, other: 2 ** 23 } as const;

/**
 * The chunk rule of a backend. With tensor operations, what its caches or its memory suggest for the factors and, for a
 * custom loss, W, G and the loss of each, or what a matrix that they share should be multiplied by; with a fused kernel,
 * what is not much to hold or to lose, for the states at so many save times; in Krylov spaces, for the factors, one
 * trajectory after another.
 */
const chunkRule =
  ({ n, m, structure }: Problem, backend: BackendInfo, saves: number): ChunkRule =>
  (width, path) => {
    const together = FUSED_ELEMENTS[isOnProcessor(backend.name) ? 'processor' : 'other'];
    return path === 'fused'
      ? Math.max(1, Math.floor(together / ((n + m) * width * (1 + saves))))
      : path === 'krylov'
        ? Math.max(1, Math.floor(FUSED_ELEMENTS.other / ((n + m) * width)))
        : Math.max(
            trajectoriesTogether(backend, (n + m) * width + (structure.kind === 'autodiff' ? 3 * n * m : 0)),
            sharesProducts(structure) ? Math.floor(backend.sharedColumns / width) : 1,
          );
  };

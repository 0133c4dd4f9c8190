/**
 * The words of this folder: a backend is where TensorFlow.js computes, an opened backend one that is registered with
 * it on a device. Each backend has a file of its own; useBackend.ts chooses among them.
 */
import type { FusedChoice, FusedVariant } from '../../kernels/wasm/variants.js';

/** Names of backends in the order in which `rankflow devices` lists them. */
export const backendNames = ['tensorflow', 'webgpu', 'webgl', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

/** Whether a backend computes on the processor, on the threads of this process, and not on a device that it has to itself. */
export const isOnProcessor = (name: BackendName): boolean => name === 'wasm' || name === 'cpu';

/** Choices of how a backend computes. */
export interface BackendOptions {
  /** Let an NVIDIA GPU round the factors of matrix products to TensorFloat-32 (default: false). */
  readonly tf32?: boolean | undefined;
  /** The implementation of the fused kernel on wasm (default: 'auto', the fastest that runs here). */
  readonly fusedKernel?: FusedChoice | undefined;
}

/** Options of opening a backend. */
export interface OpenOptions extends BackendOptions {
  /** Opens a backend only if it may be on a GPU, which spares loading what cannot (default: false). */
  readonly gpuOnly?: boolean;
}

/** A backend and its device in words, whether it is open or only listed. */
export interface DeviceWords {
  /** The device in words, for people. */
  readonly device: string;
  /** True for a graphics driver that only imitates a GPU on the CPU (SwiftShader, llvmpipe, ...). */
  readonly software: boolean;
  /** What the last digits of results depend on, beside the backend: they are the same wherever this is. */
  readonly variant: string;
  /** The implementation of its fused kernel, on which digits depend too, where there are several; else null. */
  readonly fusedVariant: FusedVariant | null;
  readonly limits: Readonly<Record<string, string | number>>;
}

export interface Opened extends DeviceWords {
  /** True if it computes on a GPU, or a driver that imitates one. */
  readonly gpu: boolean;
  /** Whether the device may round the factors of matrix products to TensorFloat-32. */
  readonly tf32: boolean;
  /** State elements that should advance together. */
  readonly chunkElements: number;
  /** Most trajectories that can advance together, whatever their size. */
  readonly mostTrajectories: number;
  /** Columns of factors that a large matrix, which trajectories share, should be multiplied by together; 0: any number. */
  readonly sharedColumns: number;
  /** @throws Error if the device was lost, or refused work that it was given */
  check(): Promise<void>;
  /** Frees the device. Its tensors are gone. */
  close(): void;
}

export interface BackendInfo extends DeviceWords {
  readonly name: BackendName;
  /** Precision of a product of matrices, measured; 'reduced': factors are rounded first, as to TensorFloat-32. */
  readonly precision: 'float32' | 'reduced';
  /** Version of TensorFlow.js. */
  readonly tfjs: string;
  readonly chunkElements: number;
  readonly mostTrajectories: number;
  readonly sharedColumns: number;
  /**
   * Asks the device whether all went well; to be awaited after results have been read, for a GPU returns garbage
   * without an exception.
   * @throws Error if the device was lost, or refused work that it was given
   */
  check(): Promise<void>;
}

export interface BackendReport extends Omit<DeviceWords, 'variant' | 'fusedVariant'> {
  readonly name: BackendName;
  readonly available: boolean;
  /** Why it is not available and how to get it; empty if it is. */
  readonly reason: string;
  /** True for the one that 'auto' takes. */
  readonly preferred: boolean;
}

/** Whether the words of a graphics driver are those of one that imitates a GPU on the CPU. */
export const isSoftware = (words: string): boolean =>
  /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i.test(words);

/** A backend that cannot be had here; the message says why, and how to get it. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/** Most trajectories of `elements` state elements each that should advance together, at least one. */
export function trajectoriesTogether(
  { chunkElements, mostTrajectories }: Pick<BackendInfo, 'chunkElements' | 'mostTrajectories'>,
  elements: number,
): number {
  return Math.max(1, Math.min(Math.floor(chunkElements / elements), mostTrajectories));
}

/**
 * What the fused kernels share: one TensorFlow.js custom kernel, registered for each backend that has one, which
 * advances whole trajectories by many steps in one call. Steps, step sizes and outcomes are those of the twin
 * (kernels/cpu/twin.ts), each trajectory's its own. The kernel has a memory: it writes to its inputs, so no gradient and
 * no other operation may see these.
 */
import { getKernel, registerKernel, type KernelConfig } from '@tensorflow/tfjs';
import type { BackendName } from '../src/backend/backend.js';
import type { Method } from '../src/method/method.js';
import type { Structure } from '../src/problem/problem.js';
import type { StopRule } from '../src/method/track.js';

/** Name of the kernel. */
export const ADVANCE = 'RankflowAdvance';

/** Tensors that the kernel updates in place. Of float64 numbers, tensors hold the bits: twice as many entries. */
export interface AdvanceInputs<Info> {
  /** [batch, (n + m) r]: of every trajectory X [n, r] and then Y [m, r], row-major. */
  readonly state: Info;
  /** [batch, saves, (n + m) r]: states at save times, in their order; written as they are reached. */
  readonly saved: Info;
  /** What the last call returned; left out in the first. */
  readonly memory?: Info;
}

/** Everything else that it is told. */
export interface AdvanceAttrs {
  readonly structure: Exclude<Structure, { kind: 'autodiff' }>;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly precision: Precision;
  readonly method: Method;
  readonly stop: StopRule;
  /** Normalized time per unit of time t [batch]. */
  readonly clocks: readonly number[];
  /** Most steps, accepted and rejected, of each trajectory in this call. */
  readonly steps: number;
}

export const precisions = ['float32', 'float64'] as const;
export type Precision = (typeof precisions)[number];

/** Entries of the report on each trajectory: the first output, int32 [batch, 6]. The second is the memory. */
export const report = {
  /** 0 while it runs, else 1 + its index among the outcomes. */
  outcome: 0,
  /** Save times reached. */
  saves: 1,
  accepted: 2,
  rejected: 3,
  evaluations: 4,
  /** Of the way from the last save time (or the start) to the next, times 2^30. */
  progress: 5,
} as const;

export const REPORT = 6;
export const PROGRESS = 2 ** 30;

/** What a backend's kernel can do. */
export interface FusedKernel {
  readonly kinds: readonly Structure['kind'][];
  readonly precisions: readonly Precision[];
  /** What keeps the device in use from it, in words; null if nothing does. */
  obstacle?(attrs: Omit<AdvanceAttrs, 'steps'>): string | null;
  /** Steps after which a call should return, for a time of about a tenth of a second; Infinity where it may block. */
  stepsPerCall(attrs: Omit<AdvanceAttrs, 'steps'>): number;
}

type FusedConfig = KernelConfig & FusedKernel;

/** Registers the kernel of a backend with TensorFlow.js. */
export const registerFused = (
  backendName: BackendName,
  kernel: FusedKernel,
  kernelFunc: KernelConfig['kernelFunc'],
): void => {
  const config: FusedConfig = { kernelName: ADVANCE, backendName, kernelFunc, ...kernel };
  registerKernel(config);
};

/** What the fused kernel of a backend can do; undefined if it has none. */
export const fusedKernel = (backend: string): FusedKernel | undefined =>
  getKernel(ADVANCE, backend) as FusedConfig | undefined;

/**
 * What the fused kernels share: one TensorFlow.js custom kernel, registered for each backend that has one, which
 * advances whole trajectories by many steps in one call. Steps, step sizes and outcomes are those of the twin
 * (kernels/cpu/twin.ts), each trajectory's its own. The kernel has a memory: it writes to its inputs, so no gradient and
 * no other operation may see these.
 */
import { getKernel, registerKernel, type KernelConfig, type Tensor2D } from '@tensorflow/tfjs';
import type { Dense } from '../src/numbers/dense.js';
import type { Motion } from '../src/flow/motion.js';
import type { Precision } from '../src/numbers/precision.js';
import type { Sampler } from '../src/method/minibatch.js';
import type { Method } from '../src/method/method.js';
import { inMainThread } from '../src/host/platform.js';
import type { Structure } from '../src/problem/structure.js';
import type { StreamName, TrialKey } from '../src/numbers/philox.js';
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

/** What is to be advanced: all that the kernel takes beside tensors, but for how far a call goes. */
export interface AdvanceTask {
  readonly structure: Exclude<Structure, { kind: 'autodiff' }>;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly motion: Motion;
  readonly precision: Precision;
  readonly method: Method;
  readonly stop: StopRule;
  /** Normalized time per unit of time t [batch]. */
  readonly clocks: readonly number[];
  /** Whose minibatches a method that takes them draws [batch]. */
  readonly samplers?: readonly Sampler[];
  /** Threads that a kernel with threads of its own may take (default: 1). Results do not depend on it. */
  readonly threads?: number;
}

/** A task, and how far one call advances it. All calls that share a memory are of one task. */
export interface AdvanceAttrs extends AdvanceTask {
  /**
   * Most steps, accepted and rejected, in this call: of each trajectory where all advance at once, as on a GPU, else of
   * all together, one trajectory after another.
   */
  readonly steps: number;
}

/** Bytes of the states of one trajectory, at its save times and at its end. */
export const bytesOf = ({ n, m, rank, precision, stop }: AdvanceTask): number =>
  (1 + stop.saveTimes.length) * (n + m) * rank * (precision === 'float64' ? 8 : 4);

/** What keeps a kernel on the processor from a trajectory. */
export const tooLarge = (attrs: AdvanceTask): string | null =>
  bytesOf(attrs) > MOST_BYTES
    ? `the states at ${attrs.stop.saveTimes.length} save times would take ${bytesOf(attrs)} bytes`
    : null;

/** Of one trajectory: a quarter of what WebAssembly can address. */
const MOST_BYTES = 2 ** 30;

/** Floating-point operations of a step of one trajectory, with what vectors cost beside them. */
export function operationsPerStep({ structure, n, m, rank, method }: AdvanceTask): number {
  const products = 4 * rank * matrixEntries(structure);
  return method.scheme.mostEvaluations * ((n + m) * (rank + 3) * (4 * rank + 20) + products);
}

/** Entries of all matrices of a structure; a derivative multiplies each with two matrices as wide as the factors. */
const matrixEntries = (structure: AdvanceTask['structure']): number =>
  Object.values(structure as object).reduce<number>(
    (sum, part) => sum + (isDense(part) ? part.data.length : 0),
    0,
  );

const isDense = (part: unknown): part is Dense => typeof part === 'object' && part !== null && 'data' in part;

/**
 * Steps of a kernel that blocks, for a call of about 50 ms where signals have to be heard (src/host/eventLoop.ts);
 * elsewhere, in a worker, without end.
 * @param rate operations in a second
 */
export const blockingSteps = (attrs: AdvanceTask, rate: number): number =>
  // What a call does beside its steps should be small beside them.
  inMainThread() ? Math.max(16, Math.floor((0.05 * rate) / operationsPerStep(attrs))) : Infinity;

/** What a backend's kernel can do. */
export interface FusedKernel {
  readonly kinds: readonly Structure['kind'][];
  readonly precisions: readonly Precision[];
  /** Whether it moves factors so. */
  moves(motion: Motion): boolean;
  /** Whether it has the scheme of a method, and its control. */
  takes(method: Method): boolean;
  /** Kinds whose states it observes where they are (observe.ts); none if left out. */
  readonly observes?: readonly Structure['kind'][];
  /** What keeps the device in use from it, in words; null if nothing does. */
  obstacle?(attrs: AdvanceTask): string | null;
  /** Standard normal numbers of a stream for each trial [trials, count], drawn on the device as on the host. */
  normals?(count: number, keys: readonly TrialKey[], stream: StreamName): Tensor2D;
  /** Steps after which a call should return, for a time of about a tenth of a second at most; Infinity where it may block. */
  stepsPerCall(attrs: AdvanceTask): number;
}

type FusedConfig = KernelConfig & FusedKernel;

/** Registers the kernel of a backend with TensorFlow.js. */
export const registerFused = (
  backendName: string,
  kernel: FusedKernel,
  kernelFunc: KernelConfig['kernelFunc'],
): void => {
  const config: FusedConfig = { kernelName: ADVANCE, backendName, kernelFunc, ...kernel };
  registerKernel(config);
};

/** What the fused kernel of a backend can do; undefined if it has none. */
export const fusedKernel = (backend: string): FusedKernel | undefined =>
  getKernel(ADVANCE, backend) as FusedConfig | undefined;

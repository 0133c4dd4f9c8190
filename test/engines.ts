/**
 * What the solver computes trajectories on, in tests: each backend, by tensor operations and by its fused kernel, in each
 * precision that this has. Those that are not available (backends.ts) are skipped, and seen to be.
 */
import { describe } from 'vitest';
import { webgpuKernel } from '../kernels/webgpu/kernel.js';
import type { Problem } from '../src/problem/problem.js';
import type { Precision } from '../src/numbers/precision.js';
import { openDevice, type Device } from '../src/solver/device.js';
import type { Path } from '../src/solver/paths.js';
import { available } from './backends.js';

export interface Engine {
  readonly backend: 'cpu' | 'wasm' | 'tensorflow' | 'webgpu';
  /** By which path, and in which precision: options of `solve`. */
  readonly choice: { readonly kernel: Path; readonly precision: Precision };
}

const engine = (backend: Engine['backend'], kernel: Path, precision: Precision = 'float32'): Engine => ({
  backend,
  choice: { kernel, precision },
});

export const quickEngines: readonly Engine[] = [
  engine('wasm', 'tensor-ops'),
  engine('cpu', 'fused', 'float64'),
  engine('wasm', 'fused'),
  engine('wasm', 'fused', 'float64'),
];

/** Tensor operations elsewhere; and what takes a minute under a software driver, as each rank and method is compiled. */
export const slowEngines: readonly Engine[] = [
  engine('cpu', 'tensor-ops'),
  engine('tensorflow', 'tensor-ops'),
  engine('webgpu', 'fused'),
];

/** Those that take minutes there: each step takes many calls of the device. */
export const slowestEngines: readonly Engine[] = [engine('webgpu', 'tensor-ops')];

/** Whether an engine computes the flow of a problem: not every fused kernel has every structure. */
export const takes = ({ backend, choice }: Engine, { structure: { kind } }: Problem): boolean =>
  choice.kernel === 'tensor-ops' ||
  (kind !== 'autodiff' && (backend !== 'webgpu' || webgpuKernel.kinds.includes(kind)));

const absent = new Set<string>();
for (const backend of ['tensorflow', 'webgpu'] as const) if (!(await available(backend))) absent.add(backend);

/** Opens the device of an engine; to be closed, if at all, with the process. */
export const useEngine = ({ backend }: Engine): Promise<Device> => openDevice(backend, { workers: 1 });

/** The same tests on each of some engines; %s in the title is its name. */
export function eachEngine(engines: readonly Engine[], title: string, body: (engine: Engine) => void): void {
  for (const one of engines) {
    const { kernel, precision } = one.choice;
    const words = `${kernel} on ${one.backend}${precision === 'float64' ? ' in float64' : ''}`;
    describe.skipIf(absent.has(one.backend))(title.replace('%s', words), () => body(one));
  }
}

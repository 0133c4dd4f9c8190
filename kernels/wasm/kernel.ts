/**
 * The fused kernel of TensorFlow.js's wasm backend. It works in that backend's own memory, on the tensors where they
 * are, in one thread, and blocks until all trajectories have ended or have taken their steps.
 */
import { util, type KernelConfig, type TensorInfo } from '@tensorflow/tfjs';
import {
  blockingSteps,
  registerFused,
  tooLarge,
  type AdvanceAttrs,
  type AdvanceInputs,
  type FusedKernel,
} from '../fused.js';
import { REPORT } from '../report.js';
import { guardMemory, type WasmBackend } from './backend.js';
import { instantiate, loadModules, variants, type Exports, type Modules, type Variant } from './module.js';
import { methodTable, MOST_TABLEAU_STAGES, structureTable, type Reals } from './tables.js';

const wasmKernel: FusedKernel = {
  kinds: ['diagonal', 'quadratic', 'trace'],
  precisions: ['float32', 'float64'],
  obstacle: (attrs) => tooLarge(attrs) ?? tooManyStages(attrs),
  stepsPerCall: (attrs) => blockingSteps(attrs, 3e9),
};

const tooManyStages = ({ method }: Pick<AdvanceAttrs, 'method'>): string | null =>
  'tableau' in method && method.tableau.b.length > MOST_TABLEAU_STAGES
    ? `a tableau has more than ${MOST_TABLEAU_STAGES} stages`
    : null;

/**
 * Loads the kernel and registers it with TensorFlow.js; returns its variant.
 * @param variant the fused one, which is the faster, if left out and the engine has it
 */
export async function registerWasmKernel(variant?: Variant): Promise<Variant> {
  for (const each of variant ? [variant] : variants) {
    const modules = await loadModules(each);
    if (!modules) continue;
    registerFused('wasm', wasmKernel, kernelOf(modules));
    return each;
  }
  throw new Error(`the wasm kernel${variant ? ` (${variant})` : ''} does not run here: no SIMD`);
}

const MOST_STEPS = 2 ** 31 - 1;
const LINE = 64;

function kernelOf(modules: Modules): NonNullable<KernelConfig['kernelFunc']> {
  const instances = new WeakMap<WebAssembly.Memory, Record<AdvanceAttrs['precision'], Exports>>();
  return ({ inputs, attrs, backend: opened }) => {
    const backend = opened as unknown as WasmBackend;
    guardMemory(backend);
    const { memory } = backend.wasm.asm;
    const pair = instances.get(memory) ?? {
      float32: instantiate(modules.float32, memory),
      float64: instantiate(modules.float64, memory),
    };
    instances.set(memory, pair);
    const told = attrs as unknown as AdvanceAttrs;
    const scratch = new Scratch(backend);
    try {
      return advance(
        pair[told.precision],
        backend,
        scratch,
        inputs as unknown as AdvanceInputs<TensorInfo>,
        told,
      );
    } finally {
      scratch.free();
    }
  };
}

function advance(
  kernel: Exports,
  backend: WasmBackend,
  scratch: Scratch,
  inputs: AdvanceInputs<TensorInfo>,
  attrs: AdvanceAttrs,
): TensorInfo[] {
  const { n, m, rank, precision, clocks, stop } = attrs;
  assertShapes(inputs, attrs);
  const address = ({ dataId }: TensorInfo) => backend.getMemoryOffset(dataId) >>> 0;

  kernel.useShape(n, m, rank);
  const bytes = kernel.bytesOfState();
  const method = methodTable(attrs.method);
  const { control } = method;
  // A multiple of the page would put the same row of all states into the same set of the cache.
  const stride = LINE * Math.ceil(bytes / LINE) + 5 * LINE;
  const work = scratch.room((8 + Math.max(0, method.stages - 2)) * stride);
  kernel.useTerms(scratch.room(8 * 16));
  kernel.useMethod(
    method.scheme,
    method.lead,
    method.stages,
    method.sharesLast,
    method.estimates,
    scratch.place(method.coefficients),
    work,
    stride,
  );
  kernel.useControl(
    control.kind,
    method.fixedStep,
    control.rtol,
    control.atol,
    control.order,
    control.mostStages,
    method.evaluations,
  );
  kernel.useStop(
    scratch.place(Float64Array.from(stop.saveTimes)),
    stop.saveTimes.length,
    stop.steadyTolerance ?? NaN,
    stop.maxSteps,
  );
  const structure = structureTable(attrs, precision === 'float32' ? 4 : 2);
  kernel.useStructure(
    structure.kind,
    structure.trace0,
    scratch.place(structure.scales),
    scratch.place(structure.p),
    scratch.place(structure.pTransposed),
    scratch.place(structure.covariance),
    // A Gram matrix of float64 numbers, its rank and its entries rounded up.
    scratch.room(8 * (rank + 4) ** 2),
    scratch.room(bytes),
  );

  const memory = inputs.memory
    ? shared(backend, inputs.memory)
    : backend.makeOutput([clocks.length, kernel.bytesOfMemory() / 4], 'float32');
  const reports = backend.makeOutput([clocks.length, REPORT], 'int32');
  kernel.advance(
    clocks.length,
    scratch.place(Float64Array.from(clocks)),
    address(inputs.state),
    address(inputs.saved),
    stop.saveTimes.length,
    address(memory),
    inputs.memory !== undefined,
    address(reports),
    Math.min(attrs.steps, MOST_STEPS),
  );
  return [reports, memory];
}

/** Another tensor of the same data, so that the caller may dispose of either. */
function shared(backend: WasmBackend, { dataId, shape, dtype }: TensorInfo): TensorInfo {
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}

/** @throws Error if a tensor has not the size that the kernel will write to */
function assertShapes(
  { state, saved }: AdvanceInputs<TensorInfo>,
  { n, m, rank, precision, clocks, stop }: AdvanceAttrs,
): void {
  const words = clocks.length * (n + m) * rank * (precision === 'float64' ? 2 : 1);
  const sizes = [state, saved].map(({ shape }) => util.sizeFromShape(shape));
  if (sizes[0] !== words || sizes[1] !== words * stop.saveTimes.length)
    throw new Error(`invalid shapes: [${state.shape.join(', ')}] and [${saved.shape.join(', ')}]`);
}

/** Memory of the backend for the time of a call, at the starts of cache lines. */
class Scratch {
  readonly #backend: WasmBackend;
  readonly #held: number[] = [];

  constructor(backend: WasmBackend) {
    this.#backend = backend;
  }

  /** @throws OutOfMemoryError */
  room(bytes: number): number {
    const address = this.#backend.wasm._malloc(bytes + LINE) >>> 0;
    this.#held.push(address);
    return LINE * Math.ceil(address / LINE);
  }

  /** Where a copy of the numbers is; 0 if there are none. */
  place(numbers: Reals): number {
    if (numbers.length === 0) return 0;
    const address = this.room(numbers.byteLength);
    const { buffer, byteOffset, byteLength } = numbers;
    this.#backend.wasm.HEAPU8.set(new Uint8Array(buffer, byteOffset, byteLength), address);
    return address;
  }

  free(): void {
    this.#held.forEach((address) => this.#backend.wasm._free(address));
  }
}

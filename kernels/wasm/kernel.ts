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
  type AdvanceTask,
  type FusedKernel,
} from '../fused.js';
import { isDescentAndDecay } from '../../src/flow/motion.js';
import { followsFlow } from '../../src/method/method.js';
import { REPORT } from '../report.js';
import { guardMemory, type WasmBackend } from './backend.js';
import { instantiate, loadModules, variants, type Exports, type Modules, type Variant } from './module.js';
import { MOST_TABLEAU_STAGES, type CallParameters } from './layout.js';
import { blockAt, memoryPlan, tensorBytes, writeMemory, writeParameters } from './memory.js';
import { observed, registerWasmObserver } from './observe.js';
import { kinds } from './structures.js';

const wasmKernel: FusedKernel = {
  kinds,
  precisions: ['float32', 'float64'],
  moves: isDescentAndDecay,
  takes: followsFlow,
  observes: observed,
  obstacle: (attrs) => tooLarge(attrs) ?? tooManyStages(attrs),
  stepsPerCall: (attrs) => blockingSteps(attrs, 3e9),
};

const tooManyStages = ({ method }: AdvanceTask): string | null =>
  method.scheme.slopes > MOST_TABLEAU_STAGES ? `a tableau has more than ${MOST_TABLEAU_STAGES} stages` : null;

/**
 * Loads the kernel and registers it with TensorFlow.js; returns its variant.
 * @param variant the fused one, which is the faster, if left out and the engine has it
 */
export async function registerWasmKernel(variant?: Variant): Promise<Variant> {
  for (const each of variant ? [variant] : variants) {
    const modules = await loadModules(each);
    if (!modules) continue;
    await registerWasmObserver();
    registerFused('wasm', wasmKernel, kernelOf(modules));
    return each;
  }
  throw new Error(`the wasm kernel${variant ? ` (${variant})` : ''} does not run here: no SIMD`);
}

const MOST_STEPS = 2 ** 31 - 1;

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
    const { precision } = attrs as unknown as AdvanceAttrs;
    return advance(
      pair[precision],
      backend,
      inputs as unknown as AdvanceInputs<TensorInfo>,
      attrs as unknown as AdvanceAttrs,
    );
  };
}

function advance(
  kernel: Exports,
  backend: WasmBackend,
  inputs: AdvanceInputs<TensorInfo>,
  attrs: AdvanceAttrs,
): TensorInfo[] {
  assertShapes(inputs, attrs);
  const address = ({ dataId }: TensorInfo) => backend.getMemoryOffset(dataId) >>> 0;
  const memory = inputs.memory ? shared(backend, inputs.memory) : newMemory(backend, attrs);
  const reports = backend.makeOutput([attrs.clocks.length, REPORT], 'int32');
  const block = blockAt(address(memory));
  const call: CallParameters = {
    states: address(inputs.state),
    saved: address(inputs.saved),
    reports: address(reports),
    steps: Math.min(attrs.steps, MOST_STEPS),
    resumes: Number(inputs.memory !== undefined),
  };
  writeParameters(backend.wasm.HEAPU8, block, call);
  kernel.advance(block);
  return [reports, memory];
}

/**
 * A tensor with the memory of a task.
 * @throws OutOfMemoryError
 */
function newMemory(backend: WasmBackend, task: AdvanceTask): TensorInfo {
  const plan = memoryPlan(task);
  const memory = backend.makeOutput([Math.ceil(tensorBytes(plan) / 4)], 'float32');
  const block = blockAt(backend.getMemoryOffset(memory.dataId) >>> 0);
  writeMemory(backend.wasm.HEAPU8, block, plan);
  return memory;
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

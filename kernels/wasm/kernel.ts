/**
 * The fused kernel of TensorFlow.js's wasm backend, in WebAssembly or in native code (variants.ts). It works in that
 * backend's own memory, on the tensors where they are, and blocks until all trajectories have ended or have taken their
 * steps.
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
import { vectorBytes } from '../native/addon.js';
import { OutOfMemoryError } from '../outOfMemory.js';
import { REPORT } from '../report.js';
import { guardMemory, type WasmBackend } from './backend.js';
import { instantiate, type Exports, type Modules } from './module.js';
import { MOST_TABLEAU_STAGES, wasmVectors, type CallParameters, type Vectors } from './layout.js';
import { blockAt, memoryPlan, tensorBytes, writeMemory, writeParameters } from './memory.js';
import { observed, registerWasmObserver } from './observe.js';
import { kinds } from './structures.js';
import {
  fusedVariants,
  isChosen,
  loadVariant,
  type FusedChoice,
  type FusedCode,
  type FusedVariant,
  type NativeCode,
} from './variants.js';

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

/** The variant of the kernel that is registered, and why it is not native code, if it is not. */
export interface Registered {
  readonly variant: FusedVariant;
  readonly notNative: string | null;
}

/**
 * Loads the fastest variant of the kernel that runs here, of those that a choice allows, and registers it with
 * TensorFlow.js.
 * @throws Error if none of them runs here; the message says why
 */
export async function registerWasmKernel(choice: FusedChoice = 'auto'): Promise<Registered> {
  const reasons: string[] = [];
  for (const variant of fusedVariants.filter((each) => isChosen(each, choice))) {
    const code = await loadVariant(variant);
    if (typeof code === 'string') reasons.push(code);
    else {
      await registerWasmObserver();
      registerFused('wasm', wasmKernel, kernelOf(code));
      return { variant, notNative: 'native' in code ? null : choice === 'auto' ? reasons[0]! : 'as asked' };
    }
  }
  throw new Error([...new Set(reasons)].join('; '));
}

/** The kernel's work on a block, and how it has its memory laid out. */
interface Code {
  readonly vectors: Vectors;
  readonly worksInside: boolean;
  /** @throws OutOfMemoryError */
  advance(backend: WasmBackend, block: number, attrs: AdvanceAttrs): void;
}

const MOST_STEPS = 2 ** 31 - 1;

function kernelOf(code: FusedCode): NonNullable<KernelConfig['kernelFunc']> {
  const { advance, ...layout } = 'native' in code ? nativeCode(code) : wasmCode(code.modules);
  return ({ inputs, attrs, backend: opened }) => {
    const backend = opened as unknown as WasmBackend;
    guardMemory(backend);
    const { state, saved, memory: known } = inputs as unknown as AdvanceInputs<TensorInfo>;
    const task = attrs as unknown as AdvanceAttrs;
    assertShapes({ state, saved }, task);
    const address = ({ dataId }: TensorInfo) => backend.getMemoryOffset(dataId) >>> 0;
    const made = [known ? shared(backend, known) : newMemory(backend, task, layout)];
    try {
      const [memory] = made as [TensorInfo];
      const reports = backend.makeOutput([task.clocks.length, REPORT], 'int32');
      made.unshift(reports);
      const block = blockAt(address(memory));
      const call: CallParameters = {
        states: address(state),
        saved: address(saved),
        reports: address(reports),
        steps: Math.min(task.steps, MOST_STEPS),
        resumes: Number(known !== undefined),
      };
      writeParameters(backend.wasm.HEAPU8, block, call);
      advance(backend, block, task);
      return made;
    } catch (error) {
      for (const { dataId } of made) backend.disposeData(dataId);
      throw error;
    }
  };
}

function wasmCode(modules: Modules): Code {
  const instances = new WeakMap<WebAssembly.Memory, Record<AdvanceAttrs['precision'], Exports>>();
  return {
    vectors: wasmVectors,
    worksInside: true,
    advance(backend, block, { precision }) {
      const { memory } = backend.wasm.asm;
      const pair = instances.get(memory) ?? {
        float32: instantiate(modules.float32, memory),
        float64: instantiate(modules.float64, memory),
      };
      instances.set(memory, pair);
      pair[precision].advance(block);
    },
  };
}

function nativeCode({ native: name, addon }: NativeCode): Code {
  return {
    vectors: { bytes: vectorBytes[name], together: 1 },
    worksInside: false,
    advance({ wasm }, block, { precision, threads = 1 }) {
      if (!addon.advance(wasm.HEAPU8, block, name, precision === 'float64', threads))
        throw new OutOfMemoryError('room of the native kernel');
    },
  };
}

/**
 * A tensor with the memory of a task.
 * @throws OutOfMemoryError
 */
function newMemory(
  backend: WasmBackend,
  task: AdvanceTask,
  { vectors, worksInside }: Pick<Code, 'vectors' | 'worksInside'>,
): TensorInfo {
  const plan = memoryPlan(task, vectors, worksInside);
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
  { state, saved }: Pick<AdvanceInputs<TensorInfo>, 'state' | 'saved'>,
  { n, m, rank, precision, clocks, stop }: AdvanceAttrs,
): void {
  const words = clocks.length * (n + m) * rank * (precision === 'float64' ? 2 : 1);
  const sizes = [state, saved].map(({ shape }) => util.sizeFromShape(shape));
  if (sizes[0] !== words || sizes[1] !== words * stop.saveTimes.length)
    throw new Error(`invalid shapes: [${state.shape.join(', ')}] and [${saved.shape.join(', ')}]`);
}

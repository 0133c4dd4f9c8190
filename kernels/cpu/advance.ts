/** The fused kernel on TensorFlow.js's 'cpu' backend: the float64 twin itself, one trajectory after another. */
import * as tf from '@tensorflow/tfjs';
import { twin, type TwinEnding } from './twin.js';
import {
  blockingSteps,
  registerFused,
  tooLarge,
  type AdvanceAttrs,
  type AdvanceInputs,
  type FusedKernel,
} from '../fused.js';
import { minibatchesOf } from '../../src/method/minibatch.js';
import { outcomeCodes, REPORT, toProgress } from '../report.js';
import { evaluator, hostKinds } from './evaluate.js';
import { fieldFor, type Asking, type HostField } from './field.js';
import { descentOver } from './structures/samples.js';
import type { DescentAt } from './structures/structure.js';
import type { State64 } from './state.js';

interface CpuBackend {
  readonly data: { get(id: object): { readonly values: Float32Array } };
}

const cpuKernel: FusedKernel = {
  kinds: hostKinds,
  precisions: ['float64'],
  moves: () => true,
  takes: () => true,
  obstacle: tooLarge,
  stepsPerCall: (attrs) => blockingSteps(attrs, 3e8),
};

/** State of the work on a batch: reports on all its trajectories, and the one under way with its last question. */
interface Work {
  readonly reports: Int32Array;
  readonly field: HostField;
  /** Hears of the steps of a row before they are taken. */
  readonly begin: (row: number, step: number) => void;
  row: number;
  asking: Asking<TwinEnding> | null;
  asked: readonly State64[];
}

/** Work that is not done, by the data of the memory, whose own entries say nothing. */
const unfinished = new WeakMap<object, Work>();

/** Registers the kernel with TensorFlow.js. */
export const registerCpuKernel = (): void =>
  registerFused('cpu', cpuKernel, ({ inputs, attrs, backend }) => {
    const { state, saved, memory } = inputs as unknown as AdvanceInputs<tf.TensorInfo>;
    const numbers = ({ dataId }: tf.TensorInfo) => {
      const { values } = (backend as unknown as CpuBackend).data.get(dataId);
      return new Float64Array(values.buffer, values.byteOffset, values.length / 2);
    };
    const batch = attrs as unknown as AdvanceAttrs;
    const work = (memory && unfinished.get(memory.dataId)) ?? newWork(batch);
    advance(batch, work, numbers(state), numbers(saved));
    const next = tf.tensor1d([]);
    unfinished.set(next.dataId, work);
    return [tf.tensor(work.reports.slice(), [batch.clocks.length, REPORT], 'int32'), next];
  });

function newWork({ structure, rank, motion, method, clocks, samplers }: AdvanceAttrs): Work {
  const minibatches = minibatchesOf(method.minibatches, structure);
  let descent: DescentAt = evaluator(structure);
  const begin = (row: number, step: number) => {
    if (minibatches && structure.kind === 'samples')
      descent = descentOver(structure, minibatches.at(samplers![row]!, step));
  };
  return {
    reports: new Int32Array(clocks.length * REPORT),
    field: fieldFor(method.scheme, (...at) => descent(...at), rank, motion),
    begin,
    row: 0,
    asking: null,
    asked: [],
  };
}

/** Goes on with the work; writes the states at the ends and at save times into `ends` and `saved`. */
function advance(attrs: AdvanceAttrs, work: Work, ends: Float64Array, saved: Float64Array): void {
  const { n, m, rank, motion, method, stop, clocks, steps } = attrs;
  const [elements, cut] = [(n + m) * rank, n * rank];
  const write = (to: Float64Array, row: number, [x, y]: State64) => {
    to.set(x!, row * elements);
    to.set(y!, row * elements + cut);
  };
  let left = steps * method.scheme.mostEvaluations;
  for (; work.row < clocks.length; work.row++) {
    const at = work.row * elements;
    const start = () => [ends.slice(at, at + cut), ends.slice(at + cut, at + elements)];
    const asking =
      work.asking ??
      twin(start(), clocks[work.row]!, method, stop, {
        ...{ motion, rank },
        begin: (step) => work.begin(work.row, step),
      });
    let turn = work.asking ? asking.next(work.field(work.asked)) : asking.next();
    for (; !turn.done && left > 0; left--) turn = asking.next(work.field(turn.value));
    if (!turn.done) {
      Object.assign(work, { asking, asked: turn.value });
      return;
    }
    work.asking = null;
    const ending = turn.value;
    write(ends, work.row, ending.state);
    ending.saved.forEach((each, k) => write(saved, work.row * stop.saveTimes.length + k, each));
    work.reports.set(reportOn(ending, stop.saveTimes), work.row * REPORT);
  }
}

function reportOn(
  { outcome, saved, time, acceptedSteps, rejectedSteps, evaluations }: TwinEnding,
  saveTimes: readonly number[],
): number[] {
  const reached = saved.length;
  const since = saveTimes[reached - 1] ?? 0;
  const span = (saveTimes[reached] ?? since) - since;
  const progress = span > 0 ? (time - since) / span : 0;
  return [outcomeCodes[outcome], reached, acceptedSteps, rejectedSteps, evaluations, ...toProgress(progress)];
}

/** The fused kernel on TensorFlow.js's 'cpu' backend: the float64 twin itself, one trajectory after another. */
import * as tf from '@tensorflow/tfjs';
import { outcomes, type Outcome } from '../../src/method/outcome.js';
import { twin, type TwinEnding } from './twin.js';
import {
  registerFused,
  REPORT,
  tooLarge,
  toProgress,
  type AdvanceAttrs,
  type AdvanceInputs,
  type FusedKernel,
} from '../fused.js';
import { evaluator } from './evaluate.js';
import { answered, fieldOf, type State64 } from './step.js';

interface CpuBackend {
  readonly data: { get(id: object): { readonly values: Float32Array } };
}

const cpuKernel: FusedKernel = {
  kinds: ['diagonal', 'quadratic', 'trace'],
  precisions: ['float64'],
  obstacle: tooLarge,
  stepsPerCall: () => Infinity,
};

/** Registers the kernel with TensorFlow.js. */
export const registerCpuKernel = (): void =>
  registerFused('cpu', cpuKernel, ({ inputs, attrs, backend }) => {
    const { state, saved } = inputs as unknown as AdvanceInputs<tf.TensorInfo>;
    const valuesOf = ({ dataId }: tf.TensorInfo) =>
      (backend as unknown as CpuBackend).data.get(dataId).values;
    const told = attrs as unknown as AdvanceAttrs;
    const reports = advance(told, valuesOf(state), valuesOf(saved));
    return [tf.tensor(reports, [told.clocks.length, REPORT], 'int32'), tf.tensor1d([])];
  });

/** Writes the states at the ends and at save times in place of what is given; returns the report. */
function advance(attrs: AdvanceAttrs, state: Float32Array, saved: Float32Array): Int32Array {
  const { structure, n, m, rank: r, method, stop, clocks } = attrs;
  const numbers = (of: Float32Array) => new Float64Array(of.buffer, of.byteOffset, of.length / 2);
  const field = fieldOf(evaluator(structure), r);
  const elements = (n + m) * r;
  const [ends, at] = [numbers(state), numbers(saved)];
  const write = (to: Float64Array, row: number, [x, y]: State64) => {
    to.set(x!, row * elements);
    to.set(y!, row * elements + n * r);
  };
  return Int32Array.from(
    clocks.flatMap((clock, row) => {
      const [from, middle, end] = [row * elements, row * elements + n * r, (row + 1) * elements];
      const start = [ends.slice(from, middle), ends.slice(middle, end)];
      const ending = answered(twin(start, clock, method, stop), field);
      write(ends, row, ending.state);
      ending.saved.forEach((each, k) => write(at, row * stop.saveTimes.length + k, each));
      return reportOn(ending, stop.saveTimes);
    }),
  );
}

function reportOn(
  { outcome, saved, time, acceptedSteps, rejectedSteps, evaluations }: TwinEnding,
  saveTimes: readonly number[],
): number[] {
  const reached = saved.length;
  const since = saveTimes[reached - 1] ?? 0;
  const next = saveTimes[reached];
  const progress = next === undefined ? 0 : (time - since) / (next - since);
  const code = 1 + (Object.keys(outcomes) as Outcome[]).indexOf(outcome);
  return [code, reached, acceptedSteps, rejectedSteps, evaluations, ...toProgress(progress)];
}

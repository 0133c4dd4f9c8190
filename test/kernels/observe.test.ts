/** States are observed on wasm where they are, and what is observed is, bit by bit, what the float64 twin has of them. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend, closeBackends } from '../../src/backend/useBackend.js';
import { evaluator, lossOf } from '../../kernels/cpu/evaluate.js';
import { fusedKernel } from '../../kernels/fused.js';
import { MEASURES, measures, OBSERVE, type ObserveAttrs } from '../../kernels/observe.js';
import { normals } from '../../src/numbers/philox.js';
import { dot } from '../../src/numbers/gram.js';

const weights = [0.75, 2.5] as const;
const each = 3;
/** Of the second trajectory one state is there, of the third none. */
const reached = Int32Array.of(3, 1, 0, 2);

beforeAll(async () => {
  await useBackend('wasm');
});
afterAll(closeBackends);

/** States of either precision, as tensors have them, and as float64 numbers. */
function statesOf(elements: number, float64: boolean) {
  const drawn = normals(reached.length * each * elements, { seed: 3, rank: elements, trial: 0 }, 'mixing');
  const numbers = float64 ? drawn : Float32Array.from(drawn);
  const words = new Float32Array(numbers.buffer);
  return {
    tensor: tf.tensor(words, [reached.length, each, words.length / reached.length / each]),
    wide: Float64Array.from(numbers),
  };
}

async function observed(states: tf.Tensor, attrs: ObserveAttrs): Promise<Float64Array> {
  const out = tf.engine().runKernel<tf.Tensor>(OBSERVE, { states }, attrs as unknown as tf.NamedAttrMap);
  const bits = (await out.data()) as Float32Array;
  out.dispose();
  return new Float64Array(bits.slice().buffer);
}

describe.each([
  ['float32', false],
  ['float64', true],
] as const)('of states in %s', (precision, float64) => {
  it.each([
    { n: 9, m: 6, rank: 1 },
    { n: 6, m: 9, rank: 2 },
    { n: 13, m: 10, rank: 3 },
    { n: 8, m: 8, rank: 4 },
    { n: 21, m: 16, rank: 7 },
    { n: 16, m: 33, rank: 8 },
    { n: 5, m: 4, rank: 6 },
    { n: 1, m: 3, rank: 2 },
  ])('$n x $m, rank $rank', async ({ n, m, rank }) => {
    const sigma = Float64Array.from({ length: Math.min(n, m) }, (_, i) => 1.3 / (i + 1));
    const structure = { kind: 'diagonal', sigma } as const;
    const elements = (n + m) * rank;
    const { tensor, wide } = statesOf(elements, float64);
    const shared = { structure, n, m, rank, precision, weights, each, reached };
    const [from, to] = [1, reached.length];
    const all = await observed(tensor, { ...shared, all: true, from, to });
    const losses = await observed(tensor, { ...shared, all: false, from, to });
    const evaluate = evaluator(structure);
    const lossAt = lossOf(structure);
    for (let i = from; i < to; i++)
      for (let k = 0; k < reached[i]!; k++) {
        const state = wide.subarray((i * each + k) * elements, (i * each + k + 1) * elements);
        const [x, y] = [state.slice(0, n * rank), state.slice(n * rank)];
        const { loss, excess, distance, dX, dY, xx, yy } = evaluate(x, y, rank);
        const imbalance = xx.map((value, at) => value / weights[0] - yy[at]! / weights[1]);
        const at = (i - from) * each + k;
        const row = Object.entries(measures).map(([name, place]) => [name, all[at * MEASURES + place]]);
        expect(Object.fromEntries(row)).toEqual({
          ...{ loss, excess, distance, slopeX: dot(dX, dX), slopeY: dot(dY, dY) },
          imbalance: dot(imbalance, imbalance),
        });
        expect(losses[at]).toBe(lossAt(x, y, rank));
      }
    tensor.dispose();
  });
});

it('is refused of other structures, and of states of another size', async () => {
  expect(fusedKernel('wasm')!.observes).toEqual(['diagonal']);
  const { tensor } = statesOf(10, false);
  const structure = { kind: 'diagonal', sigma: Float64Array.of(1) } as const;
  const task = { n: 2, m: 3, rank: 2, precision: 'float32', weights, all: true, each, reached } as const;
  const part = { from: 0, to: 1 };
  await expect(observed(tensor, { ...task, ...part, structure, rank: 3 })).rejects.toThrow('invalid shape');
  const trace = { kind: 'trace', trace0: 1 } as const;
  await expect(observed(tensor, { ...task, ...part, structure: trace })).rejects.toThrow('trace');
  tensor.dispose();
});

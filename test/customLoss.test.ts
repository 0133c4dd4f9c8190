/** Custom losses are tried before they run, and do not let a trajectory see its batch. */
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { closeBackends } from '../src/backend/useBackend.js';
import { ensemble } from '../src/ensemble/ensemble.js';
import { openDevice } from '../src/solver/device.js';
import { dense } from '../src/numbers/dense.js';
import { customProblem } from '../src/input/customLoss.js';
import { InputError } from '../src/host/inputError.js';
import { method } from '../src/method/methods.js';
import type { TensorLoss } from '../src/problem/structure.js';
import { solve } from '../src/solver/solve.js';
import { gaussian } from './support.js';

afterEach(closeBackends);

const sumOfSquares = (w: tf.Tensor3D): tf.Tensor1D => tf.sum(tf.square(w), [1, 2]);

describe('a custom loss', () => {
  it('that multiplies matrices gives a trajectory the same bits alone and in a batch, on wasm', async () => {
    const device = await openDevice('wasm', { workers: 1 });
    await tf.setBackend('wasm');
    const n = 64;
    const mixing = tf.tensor3d(Float32Array.from(gaussian(n, n, 3).data), [1, n, n]);
    const shift = tf.tensor2d(Float32Array.from(gaussian(n, n, 4).data), [n, n]);
    const problem = customProblem('mixed', dense(n, n), (w) =>
      sumOfSquares(tf.sub(tf.matMul(w, mixing), shift)).mul(1e-3),
    );
    const mixed = ensemble({ problem, ranks: [2], initialization: 'gaussian:0.1', trials: 3, seed: 5 });
    const final = async (chunk: number) => {
      const stop = { saveTimes: [1], maxSteps: 1000 };
      const solution = solve(mixed, { method: method('dopri5'), stop, chunk, device });
      return (await solution.all()).map(({ factors }) => factors.x.data);
    };
    const together = await final(3);
    expect(await final(1)).toEqual(together);
    expect(await final(2)).toEqual(together);
    expect(together[0]).not.toEqual(together[1]);
  });

  it.each<[string, TensorLoss, RegExp]>([
    ['not finite at W0', (w) => tf.sqrt(sumOfSquares(w)), /finite at W0, with a finite gradient/],
    ['of the wrong shape', (w) => tf.sum(w) as unknown as tf.Tensor1D, /maps \[2, 3, 2\] to \[\]/],
    [
      'that throws',
      () => {
        throw new Error('no');
      },
      /does not throw/,
    ],
    [
      'that cannot be differentiated',
      (w) => tf.topk(w.reshape([-1, 6]), 1).values.reshape([-1]),
      /differentiable/,
    ],
  ])('%s is refused', (_, loss, message) => {
    const attempt = () => customProblem('mine', dense(3, 2), loss);
    expect(attempt).toThrow(InputError);
    expect(attempt).toThrow(message);
  });
});

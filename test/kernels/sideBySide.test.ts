/** Products of a large shared matrix with all trajectories at once: those of each alone, on the processor. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { matMul } from '../../kernels/tensorOps/matMul.js';
import { multiply } from '../../src/numbers/products.js';
import { frobeniusDense } from '../../src/problem/frobenius.js';
import { sharesProducts, wayOf } from '../../src/solver/path.js';
import { method } from '../../src/method/methods.js';
import { openDevice } from '../../src/solver/device.js';
import { dense } from '../../src/numbers/dense.js';
import { available } from '../backends.js';
import { gaussian, relativeError } from '../support.js';

const inFloat32 = (rows: number, cols: number, seed: number) => {
  const { data } = gaussian(rows, cols, seed);
  return dense(rows, cols, data.map(Math.fround));
};

const absent = (await available('tensorflow')) ? null : 'tensorflow';

describe.each(['wasm', 'tensorflow'] as const)('on %s', (backend) => {
  it.for([1, 4, 7, 32])(
    'are, %d columns wide, the same to the last bit in a batch of any size',
    async (width, { skip }) => {
      if (backend === absent) return skip();
      const device = await openDevice(backend, { workers: 1 });
      // More than those from which products are side by side, and no whole number of blocks.
      const [rows, depth] = [1030, 1050];
      const a = inFloat32(rows, depth, 1);
      const all = Array.from({ length: 9 }, (_, i) => inFloat32(depth, width, 10 + i));
      await device.run(async () => {
        const shared = tf.tensor2d(Float32Array.from(a.data), [rows, depth]);
        const productOf = async (of: typeof all): Promise<Float32Array[]> => {
          const b = tf.tensor3d(
            of.flatMap(({ data }) => [...data]),
            [of.length, depth, width],
          );
          const product = matMul(shared as Tensor2D, b as Tensor3D);
          expect(product.shape).toEqual([of.length, rows, width]);
          const data = (await product.data()) as Float32Array;
          tf.dispose([b, product]);
          return of.map((_, i) => data.slice(i * rows * width, (i + 1) * rows * width));
        };
        const together = await productOf(all);
        for (const [i, b] of all.entries()) {
          expect((await productOf([b]))[0]).toEqual(together[i]);
          // Sums of 1,050 products: at most 1,050 roundings of 2^-24, of which the root is seen.
          expect(relativeError(together[i]!, multiply(a, b).data)).toBeLessThan(depth * 2 ** -24);
        }
        expect(await productOf(all.slice(1, 4))).toEqual(together.slice(1, 4));
        shared.dispose();
      });
      await device.close();
    },
  );
});

it('are chosen for a large dense target alone, and that is said', async () => {
  const device = await openDevice('wasm', { workers: 1 });
  const stop = { saveTimes: [1], steadyTolerance: null, maxSteps: 10 };
  const options = { method: method('dopri5'), stop, device };
  const of = (side: number) => {
    const structure = { kind: 'quadratic', error: dense(side, side), covariance: null } as const;
    const { loss } = frobeniusDense(gaussian(3, 3, 1));
    expect(sharesProducts(structure)).toBe(side === 1024);
    return (kernel: 'auto' | 'fused', rank = 4) =>
      wayOf({ structure, loss, n: side, m: side }, rank, { ...options, kernel });
  };
  expect(of(64)('auto')).toEqual({ path: 'fused', reason: null });
  expect(of(1024)('auto', 25)).toEqual({
    path: 'krylov',
    reason: 'a 1024 x 1024 target is met in few directions',
  });
  expect(of(1024)('auto', 26)).toEqual({
    path: 'tensor-ops',
    reason: 'a 1024 x 1024 target is multiplied by all trajectories at once',
  });
  expect(of(1024)('fused')).toEqual({ path: 'fused', reason: null });
});

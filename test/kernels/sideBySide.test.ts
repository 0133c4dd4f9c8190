/** Products of a large shared matrix with all trajectories at once: those of each alone, on wasm. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { matMul } from '../../kernels/tensorOps/matMul.js';
import { multiply } from '../../src/numbers/products.js';
import { frobeniusDense } from '../../src/problem/frobenius.js';
import { sharesProducts, wayOf } from '../../src/solver/path.js';
import { method } from '../../src/method/methods.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { dense } from '../../src/numbers/dense.js';
import { gaussian, relativeError } from '../support.js';

let device: Device;
beforeAll(async () => void (device = await openDevice('wasm', { workers: 1 })));

const inFloat32 = (rows: number, cols: number, seed: number) => {
  const { data } = gaussian(rows, cols, seed);
  return dense(rows, cols, data.map(Math.fround));
};

it.each([4, 7, 32])('are, %d columns wide, the same to the last bit in a batch of any size', (width) => {
  // 600 rows are more than those from which products are side by side, 70 a depth that no block divides.
  const a = inFloat32(600, 70, 1);
  const all = Array.from({ length: 5 }, (_, i) => inFloat32(70, width, 10 + i));
  const shared = tf.tensor2d(Float32Array.from(a.data), [600, 70]);
  const productOf = (of: typeof all): Float32Array[] => {
    const b = tf.tensor3d(
      of.flatMap(({ data }) => [...data]),
      [of.length, 70, width],
    );
    const product = matMul(shared as Tensor2D, b as Tensor3D);
    expect(product.shape).toEqual([of.length, 600, width]);
    const data = product.dataSync() as Float32Array;
    tf.dispose([b, product]);
    return of.map((_, i) => data.slice(i * 600 * width, (i + 1) * 600 * width));
  };
  const together = productOf(all);
  const three = productOf(all.slice(1, 4));
  all.forEach((b, i) => {
    expect(productOf([b])[0]).toEqual(together[i]);
    // Sums of 70 products: at most 70 roundings of 2^-24, of which sqrt(70) are seen.
    expect(relativeError(together[i]!, multiply(a, b).data)).toBeLessThan(70 * 2 ** -24);
  });
  expect(three).toEqual(together.slice(1, 4));
  shared.dispose();
});

it('are chosen for a large dense target alone, and that is said', () => {
  const stop = { saveTimes: [1], steadyTolerance: null, maxSteps: 10 };
  const options = { method: method('dopri5'), stop, device };
  const of = (side: number) => {
    const structure = { kind: 'quadratic', error: dense(side, side), covariance: null } as const;
    const { loss } = frobeniusDense(gaussian(3, 3, 1));
    expect(sharesProducts(structure)).toBe(side === 1024);
    return (kernel: 'auto' | 'fused') =>
      wayOf({ structure, loss, n: side, m: side }, 4, { ...options, kernel });
  };
  expect(of(64)('auto')).toEqual({ path: 'fused', reason: null });
  expect(of(1024)('auto')).toEqual({
    path: 'tensor-ops',
    reason: 'a 1024 x 1024 target is multiplied by all trajectories at once',
  });
  expect(of(1024)('fused')).toEqual({ path: 'fused', reason: null });
});

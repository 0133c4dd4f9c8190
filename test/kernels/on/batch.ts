/**
 * Tensor operations of a backend: everything that a trajectory's fate depends on is bit for bit the same alone and in a
 * batch; products are those of sums written out.
 */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loraSystem } from '../../../kernels/tensorOps/loraSystem.js';
import { gram, matMul } from '../../../kernels/tensorOps/matMul.js';
import type { BackendName } from '../../../src/backend/backend.js';
import { closeBackends, useBackend } from '../../../src/backend/useBackend.js';
import type { Dense } from '../../../src/numbers/dense.js';
import { normals } from '../../../src/numbers/philox.js';
import type { Structure } from '../../../src/problem/structure.js';
import { squaredNorms } from '../../../src/solver/batch.js';

const gaussian = (rows: number, cols: number, seed: number): Dense => ({
  rows,
  cols,
  data: normals(rows * cols, { seed, rank: 1, trial: 0 }, 'mixing'),
});

const structures = (n: number, m: number): Structure[] => [
  { kind: 'diagonal', sigma: Float64Array.from({ length: Math.min(n, m) }, (_, i) => 1 / (i + 1)) },
  { kind: 'quadratic', error: gaussian(n, m, 1), covariance: null },
  { kind: 'quadratic', error: gaussian(n, m, 1), covariance: gaussian(m, m, 2) },
  { kind: 'trace', trace0: 0.3 },
  { kind: 'autodiff', base: gaussian(n, m, 3), loss: (w) => tf.sum(tf.square(w), [1, 2]) },
];

const bits = async (tensors: readonly tf.Tensor[]) =>
  Promise.all(tensors.map(async (t) => new Uint32Array(Float32Array.from(await t.data()).buffer)));

/** Everything that a trajectory's fate depends on, for the trajectories [from, to) of the states x, y. */
async function fate(structure: Structure, x: tf.Tensor3D, y: tf.Tensor3D, from: number, to: number) {
  const [, n, width] = x.shape;
  const m = y.shape[1];
  const system = loraSystem(structure, { n, m, width });
  const tensors = tf.tidy(() => {
    const state = [x, y].map((z) => z.slice([from, 0, 0], [to - from, z.shape[1], width]));
    const slope = system.derivative(state);
    return [...slope, system.component(0, state), squaredNorms(state), squaredNorms(slope)];
  });
  const read = await bits(tensors);
  tf.dispose(tensors);
  system.dispose();
  return read;
}

const BATCH = 64;

/** Tests of a backend; skipped where it is not here. */
export const testBatches = (name: BackendName, available: boolean) =>
  describe.skipIf(!available)(`a trajectory and its batch on ${name}`, () => {
    beforeAll(async () => void (await useBackend(name)));
    afterAll(closeBackends);

    // Widths 4, 8 and 32 lie on both sides of the thresholds of matMul.ts and, in webgpu, of vector programs.
    it.each([
      [64, 64, 4],
      [50, 30, 8],
      [96, 96, 32],
      [130, 130, 32],
    ])(
      'is the same alone and in a batch: n = %i, m = %i, r = %i',
      async (n, m, width) => {
        const info = await useBackend(name);
        const draw = (rows: number, seed: number) =>
          tf.tensor3d(Float32Array.from(gaussian(BATCH * rows, width, seed).data), [BATCH, rows, width]);
        const [x, y] = [draw(n, 4), draw(m, 5)];
        for (const structure of structures(n, m)) {
          if (structure.kind === 'trace' && n !== m) continue;
          if (structure.kind === 'autodiff' && n > 64) continue;
          // A software driver compiles slowly; the largest size is there for a threshold on wasm.
          if (info.software && (n > 96 || (width > 4 && structure.kind === 'autodiff'))) continue;
          const whole = await fate(structure, x, y, 0, BATCH);
          for (const [from, to] of [
            [0, 1],
            [2, 3],
            [0, 3],
            [BATCH - 1, BATCH],
          ] as const) {
            const part = await fate(structure, x, y, from, to);
            part.forEach((found, i) => {
              const size = whole[i]!.length / BATCH;
              const expected = whole[i]!.subarray(from * size, to * size);
              const different = found.reduce((sum, value, k) => sum + Number(value !== expected[k]), 0);
              expect([structure.kind, i, found.length, different]).toEqual([
                structure.kind,
                i,
                expected.length,
                0,
              ]);
            });
          }
        }
        await info.check();
        tf.dispose([x, y]);
      },
      170_000,
    );

    it('multiplies right on both sides of the thresholds', async () => {
      for (const [n, r] of [
        [33, 4],
        [130, 32],
      ] as const) {
        for (const batch of [1, 3]) {
          const draw = (rows: number, cols: number, seed: number) => {
            const { data } = gaussian(batch * rows, cols, seed);
            return tf.tensor3d(Float32Array.from(data), [batch, rows, cols]);
          };
          const [x, z, g] = [draw(n, r, 6), draw(n, r, 7), draw(r, r, 8)];
          const p = tf.tensor2d(Float32Array.from(gaussian(n, n, 9).data), [n, n]);
          const sum = (a: tf.Tensor3D, b: tf.Tensor3D) => tf.sum(tf.mul(a.expandDims(3), b.expandDims(1)), 2);
          const results = [
            [matMul(x, g), sum(x, g)],
            [matMul(p, x), sum(tf.tile(p.expandDims<tf.Tensor3D>(0), [batch, 1, 1]), x)],
            [gram(x, z), sum(tf.transpose(x, [0, 2, 1]), z)],
          ] as const;
          for (const [found, expected] of results) {
            expect(found.shape).toEqual(expected.shape);
            const [error, size] = await Promise.all(
              [tf.norm(tf.sub(found, expected)), tf.norm(expected)].map(async (t) => (await t.data())[0]!),
            );
            expect(error! / size!).toBeLessThan(1e-6);
          }
        }
      }
    });
  });

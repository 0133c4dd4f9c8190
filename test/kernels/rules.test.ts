/** The rules of flows in tensor operations and in the float64 twin, against their formulas by singular values. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rules as hostRules } from '../../kernels/cpu/rules.js';
import { rules } from '../../kernels/tensorOps/rules.js';
import { flowRules, type FlowRule } from '../../src/flow/rules.js';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { normals } from '../../src/numbers/philox.js';
import { byDefinition } from '../../src/verify/means/definitions.js';
import { openDevice, type Device } from '../../src/solver/device.js';

const [n, m, rank, width, batch] = [9, 7, 3, 4, 3];

const gaussian = (rows: number, cols: number, trial: number, stream: 'loraA' | 'loraB' | 'mixing'): Dense =>
  dense(rows, cols, normals(rows * cols, { seed: 3, rank: 1, trial }, stream).map(Math.fround));

/** Descents and factors of a trajectory, of a rank. */
const trajectory = (trial: number) => ({
  descent: [gaussian(n, rank, trial, 'mixing'), gaussian(m, rank, trial + 50, 'mixing')] as const,
  factors: [gaussian(n, rank, trial, 'loraB'), gaussian(m, rank, trial, 'loraA')] as const,
});
const trajectories = Array.from({ length: batch }, (_, trial) => trajectory(trial));

const relative = (actual: ArrayLike<number>, expected: Float64Array): number => {
  let [off, size] = [0, 0];
  expected.forEach((value, i) => {
    off += (actual[i]! - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(off / size);
};

/** Matrices with zero columns up to the width, on the device. */
const stacked = (matrices: readonly Dense[], to = width): tf.Tensor3D =>
  tf.stack(
    matrices.map(({ rows, cols, data }) =>
      tf.pad(tf.tensor2d(Float32Array.from(data), [rows, cols]), [
        [0, 0],
        [0, to - cols],
      ]),
    ),
  ) as tf.Tensor3D;

/** The movement on the device: of every trajectory [rows, rank], and of its padding. */
function moved(rule: FlowRule, index: 0 | 1, damping: number, of = trajectories, to = width) {
  const result = tf.tidy(() =>
    rules[rule](
      index,
      stacked(
        of.map(({ descent }) => descent[index]),
        to,
      ),
      [
        stacked(
          of.map(({ factors }) => factors[0]),
          to,
        ),
        stacked(
          of.map(({ factors }) => factors[1]),
          to,
        ),
      ],
      damping,
    ),
  );
  const rows = index === 0 ? n : m;
  const values = result.dataSync();
  result.dispose();
  const at = (b: number, i: number, j: number) => values[(b * rows + i) * to + j]!;
  return of.map((_, b) => ({
    own: Float64Array.from({ length: rows * rank }, (__, k) => at(b, Math.floor(k / rank), k % rank)),
    padding: Array.from({ length: rows * (to - rank) }, (__, k) =>
      at(b, Math.floor(k / (to - rank)), rank + (k % (to - rank))),
    ),
  }));
}

const cases = flowRules.flatMap((rule) =>
  (rule === 'gradient' ? [0] : [0, 0.3]).flatMap((damping) =>
    ([0, 1] as const).map((index) => [rule, damping, index] as const),
  ),
);

describe.each(cases)('%s, damping %d, of factor %d', (rule, damping, index) => {
  it('is its definition in float64', () => {
    for (const { descent, factors } of trajectories) {
      const expected = byDefinition(rule, index, descent[index], factors, damping).data;
      const actual = hostRules[rule](
        index,
        descent[index].data,
        [factors[0].data, factors[1].data],
        rank,
        damping,
      );
      expect(relative(actual, expected)).toBeLessThan(1e-12);
    }
  });
});

describe.each(['wasm', 'cpu'] as const)('on %s', (backend) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice(backend, { workers: 1 });
  });
  afterAll(() => device.close());

  it.each(cases)(
    '%s, damping %d, of factor %d is its definition to float32',
    async (rule, damping, index) => {
      const all = await device.run(async () => moved(rule, index, damping));
      for (const [i, { own, padding }] of all.entries()) {
        const { descent, factors } = trajectories[i]!;
        const expected = byDefinition(rule, index, descent[index], factors, damping).data;
        // A hundred roundings, for Gram matrices of a condition of about ten.
        expect(relative(own, expected)).toBeLessThan(100 * 2 ** -24);
        expect(padding.every((value) => value === 0)).toBe(true);
      }
    },
  );

  it.each(cases)(
    '%s, damping %d, of factor %d does not depend on neighbours',
    async (rule, damping, index) => {
      await device.run(async () => {
        const together = moved(rule, index, damping);
        trajectories.forEach((one, i) => {
          expect(moved(rule, index, damping, [one])[0]).toEqual(together[i]);
        });
      });
    },
  );
});

/** Flows in the Krylov spaces of their starts, against the same flows of all coordinates in float64. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Coefficients } from '../../src/flow/coefficients.js';
import { flow, type Decay } from '../../src/flow/flow.js';
import { ensemble } from '../../src/ensemble/ensemble.js';
import { InputError } from '../../src/host/inputError.js';
import { method } from '../../src/method/methods.js';
import { dense } from '../../src/numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../src/numbers/products.js';
import { frobeniusDense } from '../../src/problem/frobenius.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { defectOf, intoSpace, krylovSpace } from '../../src/solver/krylov.js';
import { solve } from '../../src/solver/solve.js';
import { covariance, gaussian, relativeError } from '../support.js';

let device: Device;
beforeAll(async () => void (device = await openDevice('wasm', { workers: 1 })));

const [n, m] = [200, 240];
const e = gaussian(n, m, 1);
// Singular values up to about 2.
const error = dense(
  n,
  m,
  e.data.map((value) => value / Math.sqrt(m)),
);
const problem = frobeniusDense(error);

interface Followed {
  readonly rank: number;
  readonly init: string;
  readonly time: number;
  readonly coefficients?: Partial<Coefficients>;
  readonly decay?: Partial<Decay>;
}

const ends = ({ rank, init, time, coefficients = {}, decay = {} }: Followed, kernel: 'krylov' | 'fused') => {
  const precision = kernel === 'fused' ? 'float64' : 'float32';
  const rtol = kernel === 'fused' ? 1e-9 : 1e-6;
  return solve(
    ensemble({
      ...{ problem, ranks: [rank], initialization: init, trials: 2, flow: flow('gradient', decay) },
      ...{ lrRatioA: 1, lrRatioB: 1, ...coefficients },
    }),
    {
      ...{ kernel, precision, device, chunk: kernel === 'krylov' ? 1 : 2 },
      ...{ method: method('dopri5', { rtol, precision }), stop: { saveTimes: [time / 8, time] } },
    },
  ).all();
};

describe('a flow in the Krylov space of its start', () => {
  it.each<[string, Followed]>([
    ['from B = 0', { rank: 4, init: 'kaiming', time: 10 }],
    ['from B = 0, of rank 1', { rank: 1, init: 'gaussian:0.1', time: 20 }],
    ['from A = 0', { rank: 3, init: 'zero-a', time: 10 }],
    ['from both factors', { rank: 2, init: 'small', time: 10 }],
    ['from both factors, in all of space', { rank: 4, init: 'orthogonal', time: 10 }],
    ['for long, in a space that grows', { rank: 1, init: 'kaiming', time: 150 }],
    ['with decay', { rank: 4, init: 'kaiming', time: 10, decay: { decay: 0.3 } }],
    ['with A frozen', { rank: 4, init: 'kaiming', time: 10, coefficients: { lrRatioA: 0 } }],
  ])('%s is the flow', async (_, followed) => {
    const [found, exact] = [await ends(followed, 'krylov'), await ends(followed, 'fused')];
    for (const [i, { outcome, factors, last, saved }] of found.entries()) {
      const other = exact[i]!;
      expect(outcome).toBe('end-time');
      const product = (of: typeof factors) => multiplyTransposedRight(of.x, of.y).data;
      // Errors of steps at rtol 1e-6 in float32, some hundred of them.
      expect(relativeError(product(factors), product(other.factors))).toBeLessThan(3e-5);
      expect(Math.abs(saved[0]!.loss / other.saved[0]!.loss - 1)).toBeLessThan(1e-5);
      expect(Math.abs(last.loss / other.last.loss - 1)).toBeLessThan(1e-5);
      expect(Math.abs(last.gradientNorm - other.last.gradientNorm)).toBeLessThan(
        1e-4 * Math.sqrt(problem.initialLoss!),
      );
    }
  });

  it('has its Krylov space, and a defect that more blocks take away', async () => {
    const [end] = await ends({ rank: 1, init: 'kaiming', time: 150 }, 'fused');
    const start = { x: dense(n, 1), y: gaussian(m, 1, 7) };
    const defects = [5, 20, 40].map((blocks) => {
      const space = krylovSpace(error, start, blocks)!;
      const { u, v, t, next, coupling } = space;
      expect(relativeError(multiply(error, v).data, multiply(u, t).data)).toBeLessThan(1e-13);
      const onward = multiplyTransposedLeft(error, u);
      const inside = multiplyTransposedRight(v, t);
      const beyond = dense(
        m,
        u.cols,
        onward.data.map((value, at) => value - inside.data[at]!),
      );
      const last = dense(u.cols, 1);
      last.data[u.cols - 1] = 1;
      expect(relativeError(multiply(beyond, last).data, multiply(next, coupling).data)).toBeLessThan(1e-12);
      return defectOf(space, intoSpace(space, end!.factors));
    });
    expect(defects[0]).toBeGreaterThan(2 ** -24);
    expect(defects[1]).toBeLessThan(defects[0]! / 10);
    expect(defects[2]).toBeLessThan(defects[1]! / 10);
    expect(krylovSpace(error, start, 200)).toBeNull();
  });

  it('does not depend on what else is solved', async () => {
    const followed = { rank: 2, init: 'kaiming', time: 3 };
    const together = await solve(ensemble({ problem, ranks: [1, 2], initialization: 'kaiming', trials: 2 }), {
      ...{ kernel: 'krylov', device, stop: { saveTimes: [0.375, 3] } },
      method: method('dopri5', { rtol: 1e-6 }),
    }).all();
    const alone = await ends(followed, 'krylov');
    expect(together.filter(({ member }) => member.rank === 2).map(({ factors }) => factors)).toEqual(
      alone.map(({ factors }) => factors),
    );
  });

  it.each([
    ['another loss', { problem: linearRegression(error, covariance(m, 3)) }, {}, /frobenius loss/],
    ['another rule', { flow: flow('scaled:1e-2') }, {}, /gradient flow/],
    ['an optimizer', {}, { method: method('muon', { step: 0.1 }) }, /muon/],
    ['many ranks', { ranks: [6] }, {}, /ranks up to 5/],
    ['float64', {}, { precision: 'float64' as const }, /float32/],
  ])('is refused for %s', async (_, what, how, reason) => {
    const refused: unknown = await solve(
      ensemble({ problem, ranks: [2], initialization: 'kaiming', trials: 1, ...what }),
      { ...{ kernel: 'krylov', device, stop: { saveTimes: [1] }, method: method('dopri5') }, ...how },
    )
      .all()
      .catch((reasons: unknown) => reasons);
    expect(refused).toBeInstanceOf(InputError);
    expect((refused as InputError).message).toMatch(reason);
  });
});

/** Losses near the optimum in float64, against perturbations of optima whose excess is known in closed form. */
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluator, lossOf } from '../kernels/cpu/evaluate.js';
import type { HostStructure } from '../src/problem/structure.js';
import { method } from '../src/method/methods.js';
import { dense } from '../src/numbers/dense.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { gaussian, memberOf, plain, product } from './support.js';

let device: Device;

const sigma = Float64Array.of(4, 1, 0.25, 0.0625);
const structure: HostStructure = { kind: 'diagonal', sigma };
/** X and Y at the optimum of rank 2 of 5 x 4, diag(sqrt(sigma)), which is exact. */
const optimum = () => {
  const [x, y] = [new Float64Array(5 * 2), new Float64Array(4 * 2)];
  [2, 1].forEach((root, i) => {
    x[3 * i] = root;
    y[3 * i] = root;
  });
  return { x, y };
};
const best = (0.25 ** 2 + 0.0625 ** 2) / 2;

describe('of the Frobenius loss in its spectral frame', () => {
  it('the excess is 0 at the optimum and the loss that of Eckart, Young and Mirsky', () => {
    const { x, y } = optimum();
    expect(evaluator(structure)(x, y, 2)).toMatchObject({ excess: 0, loss: best });
    expect(lossOf(structure)(x, y, 2)).toBe(best);
  });

  it.each([1e-3, 1e-9, 1e-15, 1e-100])('an excess of order %d^2 keeps all its digits', (e) => {
    const { x, y } = optimum();
    // Row 2 of X along the first column, of Y along it too: 1/2 (4 e^2 + 4 h^2 + e^2 h^2) - sigma_2 e h.
    const h = 0.5 * e;
    x[4] = e;
    y[4] = h;
    const exact = (4 * e * e + 4 * h * h + e * e * h * h) / 2 - 0.25 * e * h;
    const { excess, loss } = evaluator(structure)(x, y, 2);
    expect(Math.abs(excess! / exact - 1)).toBeLessThan(1e-14);
    expect(loss).toBe(best + excess!);
  });

  it.each([1, 2, 3, 4])('loss and flow are those of the residual at random factors of rank %i', (r) => {
    const [x, y] = [gaussian(5, r, 1), gaussian(4, r, 2)];
    const update = product({ x, y });
    sigma.forEach((s, i) => (update.data[i * 4 + i]! -= s));
    const { loss, dX, distance } = evaluator(structure)(x.data, y.data, r);
    const expected = update.data.reduce((sum, value) => sum + value * value, 0) / 2;
    expect(Math.abs(loss / expected - 1)).toBeLessThan(1e-14);
    expect(Math.abs(distance! / Math.sqrt(2 * expected) - 1)).toBeLessThan(1e-14);
    const slope = product(
      {
        x: update,
        y: dense(
          r,
          4,
          Float64Array.from({ length: 4 * r }, (_, k) => y.data[(k % 4) * r + Math.floor(k / 4)]!),
        ),
      },
      -1,
    );
    slope.data.forEach((value, i) => expect(dX[i]).toBeCloseTo(value, 12));
  });
});

describe.each([
  ['dense', null],
  ['weighted', dense(3, 3, Float64Array.of(2, 1, 0, 1, 2, 0, 0, 0, 4))],
])('of a %s quadratic loss', (_, covariance) => {
  // E = X Y^T in whole numbers, rank 1 of 2 x 3.
  const [x, y] = [Float64Array.of(1, 2), Float64Array.of(3, -1, 2)];
  const error = dense(2, 3, Float64Array.of(3, -1, 2, 6, -2, 4));
  const weighted = covariance ? 2 * 9 - 6 + 2 + 4 * 4 : 14;

  it.each([2 ** -10, 2 ** -30, 2 ** -48])('a loss of order %d^2 is that of the residual', (e) => {
    const { loss, distance } = evaluator({ kind: 'quadratic', error, covariance })(
      Float64Array.of(1, 2 + e),
      y,
      1,
    );
    // R = e (0, 1)^T y^T.
    expect(Math.abs(loss / ((e * e * weighted) / 2) - 1)).toBeLessThan(1e-7);
    expect(Math.abs(distance! / (e * Math.sqrt(14)) - 1)).toBeLessThan(1e-7);
    expect(evaluator({ kind: 'quadratic', error, covariance })(x, y, 1)).toMatchObject({
      loss: 0,
      distance: 0,
    });
  });
});

describe('a float64 trajectory', () => {
  beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));

  it('shows how far below rounding of the loss its excess is', async () => {
    const problem = frobeniusFromSpectrum(sigma, 5, 4);
    const member = memberOf({ loraA: gaussian(2, 4, 3, 0.5), loraB: gaussian(5, 2, 4, 0.5) }, plain);
    const [ended] = await solve(
      { problem, members: [member] },
      {
        method: method('dopri5', { rtol: 1e-12, precision: 'float64' }),
        stop: { saveTimes: [30, 40, 50], steadyTolerance: null, maxSteps: 100_000 },
        chunk: 1,
        precision: 'float64',
        device,
      },
    ).all();
    const [first, second, third] = ended!.saved.map((at) => at!.excess!);
    // Its slowest part is left, which falls as an exponential; a floor of rounding, 1e-18 of the loss, would not fall.
    expect(third).toBeLessThan(1e-18);
    expect(Math.abs(third! / second! / (second! / first!) - 1)).toBeLessThan(1e-2);
    expect(ended!.last.loss).toBeCloseTo(best, 15);
  });
});

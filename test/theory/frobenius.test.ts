/** Closed forms of the Frobenius loss against DOP853's solutions, their late rates, and NumPy's decomposition. */
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import type { Dense } from '../../src/numbers/dense.js';
import { fromMatrix, toMatrix } from '../support.js';
import { balancedPath } from '../../src/theory/balanced.js';
import {
  alignedPath,
  eckartYoungMirsky,
  frobeniusFullLoss,
  frobeniusFullUpdate,
  isSaddle,
} from '../../src/theory/frobenius.js';
import {
  tolerance,
  rateTolerance,
  type Late,
  reference,
  matrix,
  coupling,
  scaled,
  measuredRate,
  worstGap,
} from './support.js';

function diagonal(values: ArrayLike<number>, n: number, m: number): Matrix {
  const d = Matrix.zeros(n, m);
  Array.from(values).forEach((v, i) => d.set(i, i, v));
  return d;
}

describe('low-rank approximation', () => {
  it.each(reference.truncation)('has the optimum of every rank', ({ sigma, losses, relativeErrors }) => {
    const shuffled = Float64Array.from(sigma).reverse();
    losses.forEach((loss, rank) => {
      const best = eckartYoungMirsky(shuffled, rank);
      expect(best.loss).toBeCloseTo(loss, 13);
      expect(best.relativeError).toBeCloseTo(relativeErrors[rank] as number, 13);
    });
    expect(eckartYoungMirsky(shuffled, 99)).toEqual({ loss: 0, relativeError: 0 });
    expect(() => eckartYoungMirsky(shuffled, -1)).toThrow('invalid rank: -1');
  });

  it('loses no small tail beside a large head', () => {
    const sigma = Float64Array.of(1, ...new Array<number>(1000).fill(1e-9));
    expect(eckartYoungMirsky(sigma, 0).loss * 2 - 1).toBeCloseTo(1e-15, 15);
    expect(eckartYoungMirsky(sigma, 1).loss / 5e-16).toBeCloseTo(1, 12);
  });

  it('follows full fine-tuning', () => {
    const sigma = [3, 1, 0.5];
    const t = 0.7;
    const update = frobeniusFullUpdate(sigma, t);
    const left = sigma.map((s, i) => s - (update[i] as number));
    left.forEach((d, i) => expect(d).toBeCloseTo((sigma[i] as number) * Math.exp(-t), 14));
    expect(frobeniusFullLoss(sigma, t)).toBeCloseTo(
      left.reduce((sum, d) => sum + (d * d) / 2, 0),
      14,
    );
  });

  it('tells minima from saddles', () => {
    expect(isSaddle([3, 2, 1], [0, 1], 2)).toBe(false);
    expect(isSaddle([3, 2, 1], [0, 2], 2)).toBe(true);
    expect(isSaddle([3, 2, 1], [0], 2)).toBe(true);
    expect(isSaddle([3, 0, 0], [0], 2)).toBe(false);
    expect(isSaddle([3, 2, 2], [0, 2], 2)).toBe(false);
    expect(() => isSaddle([3, 2, 1], [0, 1], 1)).toThrow('beyond rank 1');
  });
});

describe.each(reference.aligned)('aligned LoRA, $name', (flow) => {
  const [n, m] = [flow.e.rows, flow.e.cols];
  const spread = (values: number[]) => {
    const all = new Array<number>(flow.sigma.length).fill(0);
    flow.modes.forEach((mode, j) => (all[mode] = values[j] as number));
    return all;
  };
  const input = {
    sigma: flow.sigma,
    c: coupling(flow),
    x0: spread(flow.b).map((b) => b / Math.sqrt(flow.kB)),
    y0: spread(flow.a).map((a) => a / Math.sqrt(flow.kA)),
  };
  const path = alignedPath(input);
  const inWeights = (product: Float64Array) =>
    matrix(flow.u)
      .mmul(diagonal(product, n, m))
      .mmul(matrix(flow.v).transpose());

  it('follows the reference', () => {
    expect(worstGap(flow, (t) => inWeights(path.product(t)))).toBeLessThan(tolerance);
    flow.times.forEach((t, i) => expect(path.loss(t) / (flow.losses[i] as number)).toBeCloseTo(1, 10));
  });

  it('is not the path of another coupling', () => {
    const other = alignedPath({ ...input, c: 1 });
    expect(worstGap(flow, (t) => inWeights(other.product(t)))).toBeGreaterThan(1e-2);
  });

  it('has the rates that late times show', () => {
    flow.modes.forEach((mode, j) => {
      const late = flow.late[j] as Late;
      expect(Math.abs(measuredRate(late) / (path.rates[mode] as number) - 1)).toBeLessThan(rateTolerance);
      const residual = path.residual(late.times[0])[mode] as number;
      expect(Math.abs(residual / (late.values[0] as number) - 1)).toBeLessThan(rateTolerance);
    });
  });

  it('ends on the modes it started on', () => {
    expect(path.support).toEqual(flow.modes);
    const outside = Float64Array.from(flow.sigma.filter((_, i) => !flow.modes.includes(i)));
    expect(path.loss(Infinity)).toBeCloseTo(eckartYoungMirsky(outside, 0).loss, 13);
    const best = eckartYoungMirsky(Float64Array.from(flow.sigma), flow.modes.length).loss;
    expect(path.loss(Infinity) > best + 1e-6).toBe(isSaddle(flow.sigma, path.support, flow.modes.length));
    flow.sigma.forEach((s, i) =>
      expect(path.product(Infinity)[i]).toBeCloseTo(flow.modes.includes(i) ? s : 0, 13),
    );
  });
});

it('keeps modes at rest, and modes whose product dies out, off the end', () => {
  const path = alignedPath({ sigma: [2, 1, 1], c: 0.9, x0: [0.1, 0, -0.3], y0: [0.1, 0, 0.3] });
  expect(path.support).toEqual([0]);
  expect([...path.product(Infinity)].map((p) => Math.round(p * 1e12) / 1e12 + 0)).toEqual([2, 0, 0]);
  expect(path.rates[1]).toBe(0);
  expect([...path.lossParts(1e6)].slice(1)).toEqual([0.5, 0.5]);
});

describe.each(reference.balanced)('lambda-balanced LoRA, $name', (flow) => {
  const [n, m] = [flow.e.rows, flow.e.cols];
  const { x, y } = scaled(flow);
  const input = {
    sigma: Float64Array.from(flow.sigma),
    n,
    m,
    c: coupling(flow),
    lambda: flow.lambda,
    x0: fromMatrix(matrix(flow.u).transpose().mmul(x)),
    y0: fromMatrix(matrix(flow.v).transpose().mmul(y)),
  };
  const path = balancedPath(input);
  const inWeights = (update: Dense) => matrix(flow.u).mmul(toMatrix(update)).mmul(matrix(flow.v).transpose());

  it('follows the reference', () => {
    expect(worstGap(flow, (t) => inWeights(path.update(t)))).toBeLessThan(tolerance);
    const scale = flow.losses[0] as number;
    flow.times.forEach((t, i) =>
      expect(Math.abs(path.loss(t) - (flow.losses[i] as number))).toBeLessThan(tolerance * scale),
    );
  });

  it('is not the path of another coupling', () => {
    const other = balancedPath({ ...input, c: 1 });
    expect(worstGap(flow, (t) => inWeights(other.update(t)))).toBeGreaterThan(1e-2);
  });

  it('keeps the balance', () => {
    const { x: xt, y: yt } = path.factors(1.5);
    const gram = (a: Dense) => toMatrix(a).transpose().mmul(toMatrix(a));
    const defect = Matrix.sub(gram(xt), gram(yt)).add(Matrix.eye(xt.cols).mul(flow.lambda));
    expect(defect.norm()).toBeLessThan(1e-12);
  });

  it('has the rate that late times show', () => {
    expect(Math.abs(measuredRate(flow.late) / path.rate - 1)).toBeLessThan(rateTolerance);
  });

  it('ends on the truncated SVD', () => {
    const best = eckartYoungMirsky(input.sigma, input.x0.cols).loss;
    expect(path.loss(2000)).toBeCloseTo(best, 12);
  });

  it('refuses a start that is not balanced', () => {
    expect(() => balancedPath({ ...input, lambda: flow.lambda + 1e-3 })).toThrow('not lambda-balanced');
    expect(() => balancedPath({ ...input, n: n + 1 })).toThrow('do not fit');
    expect(() => balancedPath({ ...input, c: 0 })).toThrow('invalid c: 0');
  });
});

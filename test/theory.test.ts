/**
 * Closed forms against solutions of dB/dt = -kB s G A^T, dA/dt = -kA s B^T G in (A, B) with the plain dense gradient,
 * by SciPy's DOP853 at rtol 1e-13 (reference/make_theory.py), and against NumPy's SVD and eigenvalues.
 */
import { readFileSync } from 'node:fs';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { dense, type Dense } from '../src/numbers/dense.js';
import { fromMatrix, toMatrix } from './support.js';
import { balancedPath } from '../src/theory/balanced.js';
import {
  alignedPath,
  eckartYoungMirsky,
  frobeniusFullLoss,
  frobeniusFullUpdate,
  isSaddle,
} from '../src/theory/frobenius.js';
import { regressionFullPath, regressionOptima } from '../src/theory/linearRegression.js';
import { riccati } from '../src/theory/riccati.js';
import {
  gaussianGapSquared,
  spectralGap,
  traceSquaredFinalUpdate,
  traceSquaredFullTrace,
  traceSquaredPath,
} from '../src/theory/traceSquared.js';

/** rtol 1e-13 at every step leaves the reference about 1e-12 in global error; this is ten times that. */
const tolerance = 1e-11;
/** Between 1e-7 and 1e-9 of the start, the next exponential leaves up to 1e-4, the reference's own error 1e-5. */
const rateTolerance = 2e-4;

interface Late {
  times: [number, number];
  values: [number, number];
}

interface Flow {
  name: string;
  s: number;
  kA: number;
  kB: number;
  b0: RawDense;
  a0: RawDense;
  times: number[];
  updates: RawDense[];
  losses: number[];
}

interface Framed extends Flow {
  u: RawDense;
  v: RawDense;
  e: RawDense;
  sigma: number[];
}

interface RawDense {
  rows: number;
  cols: number;
  data: number[];
}

interface Reference {
  trace: (Flow & { w0: RawDense; late?: Late })[];
  traceFull: { w0: RawDense; times: number[]; updates: RawDense[] };
  aligned: (Framed & { modes: number[]; a: number[]; b: number[]; late: Late[] })[];
  balanced: (Framed & { lambda: number; late: Late })[];
  regression: (Flow & {
    e: RawDense;
    h: RawDense;
    sigma: number[];
    optimum: { loss: number; update: RawDense };
    full: { times: number[]; updates: RawDense[]; losses: number[] };
  })[];
  truncation: { sigma: number[]; losses: number[]; relativeErrors: number[] }[];
  gaussianGap: { n: number; r: number; mean: number; standardError: number }[];
}

const reference = JSON.parse(
  readFileSync(new URL('./reference/theory.json', import.meta.url), 'utf8'),
) as Reference;

const read = ({ rows, cols, data }: RawDense) => dense(rows, cols, Float64Array.from(data));
const matrix = (raw: RawDense) => toMatrix(read(raw));
const traceOf = (raw: RawDense) => matrix(raw).trace();
const coupling = ({ s, kA, kB }: Flow) => s * Math.sqrt(kA * kB);

/** X0 = B0 / sqrt(kB), Y0 = A0^T / sqrt(kA). */
const scaled = ({ kA, kB, b0, a0 }: Flow) => ({
  x: matrix(b0).div(Math.sqrt(kB)),
  y: matrix(a0).transpose().div(Math.sqrt(kA)),
});

/** |a - b|_F / max(|b|_F, floor). */
function gap(a: Matrix, b: Matrix, floor = 1e-3): number {
  return Matrix.sub(a, b).norm() / Math.max(b.norm(), floor);
}

function measuredRate({ times, values }: Late): number {
  return Math.log(values[0] / values[1]) / (times[1] - times[0]);
}

function diagonal(values: ArrayLike<number>, n: number, m: number): Matrix {
  const d = Matrix.zeros(n, m);
  Array.from(values).forEach((v, i) => d.set(i, i, v));
  return d;
}

/** Greatest gap over the reference's times. */
function worstGap({ times, updates }: Pick<Flow, 'times' | 'updates'>, at: (t: number) => Matrix): number {
  return Math.max(...times.map((t, i) => gap(at(t), matrix(updates[i] as RawDense))));
}

describe('riccati', () => {
  const sizes = [0, 1e-300, 1e-20, 1e-9, 1, 1e6];
  const qs = [0, 1e-300, -1e-300, 1e-9, -1e-9, 1, -1, 1e3, -1e3];
  const times = [0, 1e-9, 1, 1e3, 1e6, Infinity];

  it('is finite and signed right for every beta, gamma and time', () => {
    for (const beta of sizes)
      for (const gamma of sizes)
        for (const q of qs) {
          const solution = riccati({ c: 0.7, q, beta, gamma });
          expect(solution.limit).toBeGreaterThanOrEqual(0);
          for (const t of times) {
            const z = solution.at(t);
            expect(z > 0 && Number.isFinite(z)).toBe(true);
            expect(Number.isFinite(solution.residual(t))).toBe(true);
            expect(solution.residual(t) * Math.sign(q + beta - gamma)).toBeGreaterThanOrEqual(0);
          }
        }
  });

  it('is the formula in z+, z- and K where that formula is safe', () => {
    const [c, q, beta, gamma] = [0.7, -0.4, 0.3, 0.9];
    const { at, limit, rate } = riccati({ c, q, beta, gamma });
    const d = Math.sqrt(q * q + 4 * beta * gamma);
    const [high, low] = [(q + d) / (2 * gamma), (q - d) / (2 * gamma)];
    const k = (1 - high) / (1 - low);
    for (const t of [0, 0.3, 2, 9]) {
      const e = k * Math.exp(-2 * c * d * t);
      expect(at(t)).toBeCloseTo((high - low * e) / (1 - e), 14);
    }
    expect(limit).toBeCloseTo(high, 14);
    expect(rate).toBeCloseTo(2 * c * d, 14);
  });

  it('has the linear, exponential and algebraic limits', () => {
    expect(riccati({ c: 0.5, q: 0, beta: 2, gamma: 0 }).at(3)).toBeCloseTo(1 + 2 * 3, 14);
    expect(riccati({ c: 0.5, q: 2, beta: 0, gamma: 0 }).at(3) / Math.exp(6)).toBeCloseTo(1, 14);
    expect(riccati({ c: 0.5, q: 0, beta: 0, gamma: 2 }).at(3)).toBeCloseTo(1 / (1 + 2 * 3), 14);
    expect(riccati({ c: 0.5, q: 2, beta: 0, gamma: 0 }).limit).toBe(Infinity);
    expect(riccati({ c: 0.5, q: 0, beta: 0, gamma: 2 })).toMatchObject({ limit: 0, rate: 0 });
  });

  it('keeps the residual q + beta/z - gamma z consistent with z', () => {
    const [q, beta, gamma] = [0.8, 0.2, 0.5];
    const { at, residual } = riccati({ c: 1.3, q, beta, gamma });
    for (const t of [0, 0.1, 1]) expect(residual(t)).toBeCloseTo(q + beta / at(t) - gamma * at(t), 14);
  });

  it('refuses what is not its equation', () => {
    expect(() => riccati({ c: 0, q: 1, beta: 1, gamma: 1 })).toThrow('c=0');
    expect(() => riccati({ c: 1, q: 1, beta: -1, gamma: 1 })).toThrow('beta=-1');
    expect(() => riccati({ c: 1, q: NaN, beta: 1, gamma: 1 })).toThrow('q=NaN');
  });
});

describe.each(reference.trace)('trace-squared LoRA, $name', (flow) => {
  const trace0 = traceOf(flow.w0);
  const { x, y } = scaled(flow);
  const input = { trace0, c: coupling(flow), x0: fromMatrix(x), y0: fromMatrix(y) };
  const path = traceSquaredPath(input);

  it('follows the reference', () => {
    expect(worstGap(flow, (t) => toMatrix(path.update(t)))).toBeLessThan(tolerance);
    flow.times.forEach((t, i) => {
      const trace = trace0 + matrix(flow.updates[i] as RawDense).trace();
      expect(Math.abs(path.trace(t) - trace)).toBeLessThan(tolerance * Math.abs(trace0));
      expect(Math.abs(path.loss(t) - (flow.losses[i] as number))).toBeLessThan(tolerance * trace0 ** 2);
    });
  });

  it('is not the path of another coupling or another sign', () => {
    const wrong = [
      { ...input, c: 1 },
      { ...input, trace0: -trace0 },
    ];
    for (const other of wrong.map(traceSquaredPath)) {
      expect(worstGap(flow, (t) => toMatrix(other.update(t)))).toBeGreaterThan(1e-2);
    }
  });

  it('has the rate that late times show', () => {
    if (!flow.late) return; // ends on a saddle, which the reference's rounding leaves
    expect(Math.abs(measuredRate(flow.late) / path.rate - 1)).toBeLessThan(rateTolerance);
    const [t, trace] = [flow.late.times[1], flow.late.values[1]];
    expect(Math.abs(path.trace(t) / trace - 1)).toBeLessThan(rateTolerance);
    expect(path.trace(Infinity)).toBeCloseTo(0, 300);
  });

  it('stays finite for ever', () => {
    for (const t of [1e3, 1e6, Infinity]) {
      expect(path.update(t).data.every(Number.isFinite)).toBe(true);
      expect(Number.isFinite(path.loss(t))).toBe(true);
    }
  });
});

describe('trace-squared ends', () => {
  it('gives the end of B0 = 0 without the path', () => {
    for (const flow of reference.trace.filter(({ name }) => name.endsWith('zero'))) {
      const { x, y } = scaled(flow);
      const trace0 = traceOf(flow.w0);
      const path = traceSquaredPath({ trace0, c: coupling(flow), x0: fromMatrix(x), y0: fromMatrix(y) });
      const end = toMatrix(traceSquaredFinalUpdate(trace0, read(flow.a0)));
      expect(gap(toMatrix(path.update(Infinity)), end)).toBeLessThan(1e-14);
      expect(end.trace()).toBeCloseTo(-trace0, 12);
    }
    expect(() => traceSquaredFinalUpdate(1, dense(1, 3))).toThrow('A0 is zero');
  });

  it('dies out on the saddles: X0 = Y0 under tr W0 > 0, X0 = -Y0 under tr W0 < 0', () => {
    const x0 = dense(3, 1, Float64Array.of(0.3, -0.2, 0.5));
    const mirrored = dense(
      3,
      1,
      x0.data.map((v) => -v),
    );
    for (const [trace0, y0] of [
      [2, x0],
      [-2, mirrored],
    ] as const) {
      const path = traceSquaredPath({ trace0, c: 0.7, x0, y0 });
      expect(path.trace(Infinity)).toBeCloseTo(trace0, 14);
      expect(toMatrix(path.update(Infinity)).norm()).toBeLessThan(1e-290);
    }
    expect(traceSquaredPath({ trace0: -2, c: 0.7, x0, y0: x0 }).trace(Infinity)).toBeCloseTo(0, 14);
  });

  it('follows full fine-tuning', () => {
    const { w0, times, updates } = reference.traceFull;
    const trace0 = traceOf(w0);
    const update = (t: number) =>
      Matrix.eye(w0.rows).mul((traceSquaredFullTrace(trace0, w0.rows, t) - trace0) / w0.rows);
    expect(worstGap({ times, updates }, update)).toBeLessThan(tolerance);
  });

  it('has the rank-accuracy law of spectral initialization', () => {
    const [n, trace0] = [6, -1.7];
    for (const rank of [1, 2, 5, 6]) {
      const a0 = fromMatrix(Matrix.eye(rank, n).mul(0.4));
      const distance = toMatrix(traceSquaredFinalUpdate(trace0, a0)).add(Matrix.eye(n).mul(trace0 / n));
      expect(distance.norm()).toBeCloseTo(spectralGap(trace0, n, rank), 13);
    }
    expect(() => spectralGap(1, 4, 5)).toThrow('invalid rank: 5 of 4');
  });

  it.each(reference.gaussianGap)('has the mean square distance of Gaussian A0, n=$n r=$r', (sampled) => {
    const expected = gaussianGapSquared(-3, sampled.n, sampled.r) / 9;
    const errors = Math.abs(expected - sampled.mean) / sampled.standardError;
    expect(errors).toBeLessThan(3);
    const wrong = (sampled.n + sampled.r) / (sampled.n * sampled.r + 2) - 1 / sampled.n;
    expect(Math.abs(wrong - sampled.mean) / sampled.standardError).toBeGreaterThan(30);
  });
});

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

describe.each(reference.regression)('linear regression, $name', (flow) => {
  const input = { e: read(flow.e), h: read(flow.h) };
  const optima = regressionOptima(input);
  const rank = flow.a0.rows;

  it('has the optimum of NumPy', () => {
    const best = optima.optimum(rank);
    expect(gap(Matrix.rowVector([...optima.sigma]), Matrix.rowVector(flow.sigma))).toBeLessThan(1e-13);
    expect(best.loss).toBeCloseTo(flow.optimum.loss, 12);
    expect(gap(toMatrix(best.update), matrix(flow.optimum.update))).toBeLessThan(1e-12);
    expect(optima.optimum(0)).toMatchObject({ relativeError: 1 });
    expect(toMatrix(optima.optimum(0).update).norm()).toBe(0);
  });

  it('has the optimum that the flow finds', () => {
    const best = optima.optimum(rank);
    expect(worstGap(flow, () => toMatrix(best.update))).toBeLessThan(tolerance);
    expect(Math.abs(best.loss - (flow.losses[0] as number))).toBeLessThan(tolerance);
    const unweighted = regressionOptima({ ...input, h: fromMatrix(Matrix.eye(input.h.rows)) });
    expect(gap(toMatrix(unweighted.optimum(rank).update), toMatrix(best.update))).toBeGreaterThan(1e-2);
  });

  it('follows full fine-tuning', () => {
    const path = regressionFullPath(input);
    expect(worstGap(flow.full, (t) => toMatrix(path.update(t)))).toBeLessThan(tolerance);
    flow.full.times.forEach((t, i) =>
      expect(path.loss(t) / (flow.full.losses[i] as number)).toBeCloseTo(1, 10),
    );
  });
});

it('refuses a covariance that is none', () => {
  const e = dense(2, 2, Float64Array.of(1, 0, 0, 1));
  expect(() => regressionOptima({ e, h: dense(2, 2, Float64Array.of(1, 0, 0, -1)) })).toThrow('semidefinite');
  expect(() => regressionOptima({ e, h: dense(1, 1) })).toThrow('does not fit');
});

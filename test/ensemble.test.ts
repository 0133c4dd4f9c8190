/** Every initialization has the law it promises; adapters, normalized factors and frames convert without loss. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import type { HostStructure } from '../src/problem/structure.js';
import { type Dense, transposed } from '../src/numbers/dense.js';
import { fromFactors, toFactors, type Adapter } from '../src/ensemble/adapter.js';
import { clock } from '../src/flow/normalization.js';
import { intoFrame, outOfFrame, type Factors } from '../src/problem/factors.js';
import {
  fromAdapters,
  initialization,
  initializationNames,
  type DrawContext,
} from '../src/ensemble/initialization.js';
import { computedNames } from '../src/ensemble/computedStart.js';
import { pissaStart } from '../src/ensemble/computedStarts/pissa.js';
import { scaleOf } from '../src/ensemble/scaling.js';
import { InputError } from '../src/host/inputError.js';
import { tableaus } from '../src/method/tableaus.js';
import { haarColumns, randomFrame, spectralFrame } from '../src/problem/frame.js';
import { frobenius, frobeniusDense } from '../src/problem/frobenius.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import type { Problem } from '../src/problem/problem.js';
import {
  coefficients,
  covariance,
  flow64,
  gaussian,
  norm,
  plain,
  product,
  relativeError,
  updateOf,
  fromMatrix,
  toMatrix,
} from './support.js';

/** float64 rounding of sums of at most a hundred terms, with room for a few orthogonal transformations. */
const rounding = 1e-13;

const [n, m] = [11, 7];
const rectangular = frobeniusDense(gaussian(n, m, 1));

const context = (problem: Problem, rank: number, trial = 0, lrRatioA = 1): DrawContext => ({
  n: problem.n,
  m: problem.m,
  lrRatioA,
  lrRatioB: 1,
  key: { seed: 5, rank, trial },
  spectralDirections: (r) => problem.spectralDirections(r),
  descentTriples: (r) => problem.descentTriples(r),
});

const draw = (spec: string, rank: number, trial = 0, lrRatioA = 1): Adapter =>
  initialization(spec).draw(context(rectangular, rank, trial, lrRatioA));

/** Mean and variance of the entries of many trials. */
function moments(spec: string, rank: number, which: keyof Adapter) {
  const values = Array.from({ length: 400 }, (_, trial) =>
    Array.from(draw(spec, rank, trial)[which].data),
  ).flat();
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { values, mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length };
}

/** |Q^T Q - I|_F. */
const orthogonalityDefect = (q: Matrix) => Matrix.sub(q.transpose().mmul(q), Matrix.eye(q.columns)).norm();

const singularValues = (a: Dense) =>
  new SingularValueDecomposition(toMatrix(a), { autoTranspose: true }).diagonal;

const named = ['kaiming', 'gaussian', 'orthogonal', 'spectral', 'balanced', 'small', 'zero-a', 'aligned'];

describe('every initialization', () => {
  it('is listed', () => {
    expect(Object.keys(initializationNames).sort()).toEqual([...named, ...Object.keys(computedNames)].sort());
  });

  it.each(named)('%s has the shapes of PEFT, and depends on its trial alone', (name) => {
    for (const rank of [2, 4, 6]) {
      const { loraA, loraB } = draw(name, rank, 3);
      expect([loraA.rows, loraA.cols, loraB.rows, loraB.cols]).toEqual([rank, m, n, rank]);
      expect([...loraA.data, ...loraB.data].every(Number.isFinite)).toBe(true);
      draw(name, rank, 4);
      expect(draw(name, rank, 3)).toEqual({ loraA, loraB });
      const { deterministic } = initialization(name);
      expect(JSON.stringify(draw(name, rank, 4)) === JSON.stringify({ loraA, loraB })).toBe(deterministic);
    }
  });

  it.each(['kaiming', 'gaussian', 'spectral', 'balanced'])('%s starts at B = 0, A nonzero', (name) => {
    const { loraA, loraB } = draw(name, 4);
    expect(loraB.data.every((value) => value === 0)).toBe(true);
    expect(norm(loraA.data)).toBeGreaterThan(0.1);
  });

  it('zero-a starts at A = 0, B nonzero', () => {
    const { loraA, loraB } = draw('zero-a', 4);
    expect(loraA.data.every((value) => value === 0)).toBe(true);
    expect(norm(loraB.data)).toBeGreaterThan(0.1);
  });
});

// 400 trials give at least 5,600 entries; the relative standard error of a variance is at most sqrt(2 / 5600) = 1.9 %,
// so that 10 % is five of them: missed by a true law with probability below 1e-6, at a fixed seed.
describe('the law of the entries', () => {
  it('of kaiming is uniform in +-1/sqrt(m): variance 1/(3 m)', () => {
    const { values, mean, variance } = moments('kaiming', 2, 'loraA');
    const bound = 1 / Math.sqrt(m);
    const largest = Math.max(...values.map(Math.abs));
    expect(largest).toBeLessThan(bound);
    expect(largest).toBeGreaterThan(0.99 * bound);
    expect(Math.abs(variance * 3 * m - 1)).toBeLessThan(0.1);
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(variance / values.length));
  });

  it.each([
    ['gaussian', 'loraA', 1 / 2],
    ['gaussian:0.3', 'loraA', 0.3],
    ['zero-a', 'loraB', 1 / 2],
    ['zero-a:0.3', 'loraB', 0.3],
    ['small', 'loraA', 0.01],
    ['small:0.2', 'loraB', 0.2],
  ] as const)('of %s: %s has standard deviation %d at rank 2', (spec, which, std) => {
    const { values, mean, variance } = moments(spec, 2, which);
    expect(Math.abs(variance / std ** 2 - 1)).toBeLessThan(0.1);
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(variance / values.length));
  });

  it('of gaussian falls with the rank: 1/r', () => {
    expect(Math.abs(moments('gaussian', 5, 'loraA').variance * 25 - 1)).toBeLessThan(0.1);
  });

  it('of small has independent A and B', () => {
    const { loraA, loraB } = draw('small:1', 4);
    expect(Array.from(loraA.data.slice(0, 8))).not.toEqual(Array.from(loraB.data.slice(0, 8)));
  });
});

describe('orthogonal', () => {
  it('has nonzero A and B with B A = 0', () => {
    for (const rank of [2, 4, 6]) {
      const adapter = draw('orthogonal', rank);
      const size = norm(adapter.loraA.data) * norm(adapter.loraB.data);
      expect(norm(adapter.loraA.data)).toBeGreaterThan(0.1);
      expect(norm(adapter.loraB.data)).toBeGreaterThan(0.1);
      expect(updateOf(adapter, 1).norm() / size).toBeLessThan(rounding);
      // The check sees B A of a draw that is not orthogonal.
      const other = draw('orthogonal', rank, 1);
      expect(updateOf({ ...adapter, loraB: other.loraB }, 1).norm() / size).toBeGreaterThan(0.01);
    }
  });

  it('refuses odd ranks', () => {
    for (const rank of [1, 3, 5]) expect(() => draw('orthogonal', rank)).toThrow(InputError);
  });
});

describe('spectral', () => {
  const e = gaussian(n, m, 2);
  const h = covariance(m, 3);

  it.each([
    ['frobenius, in its frame', frobenius(e), e],
    ['frobenius, dense', frobeniusDense(e), e],
    ['frobenius, wide', frobeniusDense(transposed(e)), transposed(e)],
    ['linear regression', linearRegression(e, h), fromMatrix(toMatrix(e).mmul(toMatrix(h)))],
  ] as [string, Problem, Dense][])(
    '%s: rows are the leading right singular vectors of the gradient',
    (_, problem, gradient) => {
      const rank = 3;
      const flow = initialization('spectral:2').draw(context(problem, rank));
      const y = outOfFrame(toFactors(flow, plain), problem.frame).y;
      const v = new SingularValueDecomposition(toMatrix(gradient), { autoTranspose: true })
        .rightSingularVectors;
      const overlap = toMatrix(y).transpose().mmul(v);
      for (let i = 0; i < rank; i++)
        for (let j = 0; j < v.columns; j++)
          expect(Math.abs(Math.abs(overlap.get(i, j)) - (i === j ? 2 : 0))).toBeLessThan(1e-11);
    },
  );

  it('keeps the flow diagonal in the singular basis', () => {
    const rank = 3;
    for (const problem of [frobenius(e), frobeniusDense(e)]) {
      const start = toFactors(initialization('spectral').draw(context(problem, rank)), coefficients);
      const end = flow64(tableaus.rk4, problem.structure as HostStructure, start, 1, 50);
      const { frame } = problem.frame ? { frame: problem.frame } : spectralFrame(e);
      const inFrame = problem.frame ? end : intoFrame(end, frame);
      const offDiagonal = ({ rows, cols, data }: Dense) =>
        norm(
          Array.from({ length: rows * cols }, (_, at) =>
            Math.floor(at / cols) === at % cols ? 0 : data[at]!,
          ),
        );
      expect(offDiagonal(inFrame.x)).toBeLessThan(1e-12 * norm(inFrame.x.data));
      expect(offDiagonal(inFrame.y)).toBeLessThan(1e-12 * norm(inFrame.y.data));
      expect(norm(inFrame.x.data)).toBeGreaterThan(0.5);
    }
    // A start that is not aligned does not stay so.
    const problem = frobenius(e);
    const start = toFactors(initialization('balanced').draw(context(problem, rank)), coefficients);
    const { x } = flow64(tableaus.rk4, problem.structure as HostStructure, start, 1, 50);
    expect(Math.abs(x.data[1]!)).toBeGreaterThan(1e-3);
  });
});

describe('balanced', () => {
  it.each([1, 0.4])('A A^T = lambda kA I at lambda %d', (lambda) => {
    for (const rank of [1, 3, 7]) {
      const a = toMatrix(draw(`balanced:${lambda}`, rank, 0, 2.5).loraA);
      const defect = Matrix.sub(a.mmul(a.transpose()), Matrix.eye(rank).mul(2.5 * lambda)).norm();
      expect(defect).toBeLessThan(rounding * rank);
    }
  });

  it('is lambda = 1 unless told', () => {
    expect(draw('balanced', 3)).toEqual(draw('balanced:1', 3));
  });
});

describe('pissa', () => {
  it.each([
    [9, 6],
    [6, 9],
    [6, 6],
  ])('of a %d x %d matrix freezes the tail of the spectrum', (rows, cols) => {
    const base = gaussian(rows, cols, 4);
    const sigma = singularValues(base);
    const svd = new SingularValueDecomposition(toMatrix(base), { autoTranspose: true });
    for (const rank of [1, 3, 6]) {
      const { adapter, residual } = pissaStart(base, rank, 0.7);
      const update = updateOf(adapter, 0.7);
      const kept = (v: Matrix) => v.subMatrix(0, v.rows - 1, 0, rank - 1);
      const truncation = kept(svd.leftSingularVectors)
        .mmul(Matrix.diag(sigma.slice(0, rank)))
        .mmul(kept(svd.rightSingularVectors).transpose());
      expect(relativeError(update.to1DArray(), truncation.to1DArray())).toBeLessThan(1e-12);
      expect(relativeError(Matrix.add(toMatrix(residual), update).to1DArray(), base.data)).toBeLessThan(
        1e-14,
      );
      const tail = singularValues(residual);
      // Relative to sigma_1, as rounding is.
      sigma.slice(rank).forEach((s, i) => expect(Math.abs(tail[i]! - s)).toBeLessThan(1e-13 * sigma[0]!));
      expect(tail.slice(6 - rank).every((s) => Math.abs(s) < 1e-13 * sigma[0]!)).toBe(true);
      // B and A share the singular values evenly up to one scale.
      expect(Math.abs(norm(adapter.loraA.data) / norm(adapter.loraB.data) - 1)).toBeLessThan(1e-12);
    }
  });
});

describe('fromAdapters', () => {
  it('gives trial i the i-th adapter, or all the only one', () => {
    const [first, second] = [draw('small', 2, 0), draw('small', 2, 1)];
    const both = fromAdapters('files', [first, second]);
    expect(both.draw(context(rectangular, 2, 1))).toBe(second);
    expect(both.deterministic).toBe(false);
    const one = fromAdapters('file', [first]);
    expect(one.draw(context(rectangular, 2, 5))).toBe(first);
    expect(one.deterministic).toBe(true);
  });
});

describe('bad names and parameters', () => {
  it.each([
    'xavier',
    '',
    'pissa',
    'toString',
    'kaiming:2',
    'orthogonal:1',
    'gaussian:0',
    'gaussian:-1',
    'gaussian:abc',
    'gaussian:',
    'gaussian:Infinity',
    'balanced:1:2',
  ])('%j is refused', (spec) => {
    expect(() => initialization(spec)).toThrow(InputError);
  });
});

describe('scaling', () => {
  it('is alpha, alpha / r or alpha / sqrt(r)', () => {
    expect([scaleOf('none', 16, 4), scaleOf('lora', 16, 4), scaleOf('rslora', 16, 4)]).toEqual([16, 4, 8]);
  });
});

describe('normalized factors', () => {
  const adapter = draw('small:1', 3);

  it('come back as the adapter', () => {
    const back = fromFactors(toFactors(adapter, coefficients), coefficients);
    expect(relativeError(back.loraA.data, adapter.loraA.data)).toBeLessThan(rounding);
    expect(relativeError(back.loraB.data, adapter.loraB.data)).toBeLessThan(rounding);
  });

  it('multiply to the update: X Y^T = s B A', () => {
    const expected = updateOf(adapter, coefficients.scale).to1DArray();
    expect(relativeError(product(toFactors(adapter, coefficients)).data, expected)).toBeLessThan(rounding);
    expect(relativeError(product(toFactors(adapter, plain)).data, expected)).toBeGreaterThan(0.1);
  });

  it('are B and A scaled by sqrt(c / k), c = s sqrt(kA kB)', () => {
    const { scale, lrRatioA, lrRatioB } = coefficients;
    const c = scale * Math.sqrt(lrRatioA * lrRatioB);
    expect(clock(coefficients)).toBeCloseTo(c, 14);
    const { x, y } = toFactors(adapter, coefficients);
    expect(x.data[1]! / adapter.loraB.data[1]!).toBeCloseTo(Math.sqrt(c / lrRatioB), 13);
    expect(y.data[1]! / adapter.loraA.data[3 + m - 3]!).toBeCloseTo(Math.sqrt(c / lrRatioA), 13);
  });
});

describe('frames', () => {
  it.each([
    [9, 5],
    [5, 9],
    [6, 6],
  ])('of a %d x %d matrix are orthogonal and diagonalize it', (rows, cols) => {
    const e = gaussian(rows, cols, 6);
    const { sigma, frame } = spectralFrame(e);
    expect([frame.left.rows, frame.left.cols, frame.right.rows, frame.right.cols]).toEqual([
      rows,
      rows,
      cols,
      cols,
    ]);
    const [u, v] = [toMatrix(frame.left), toMatrix(frame.right)];
    expect(orthogonalityDefect(u)).toBeLessThan(rounding);
    expect(orthogonalityDefect(v)).toBeLessThan(rounding);
    const diagonal = Matrix.zeros(rows, cols);
    sigma.forEach((s, i) => diagonal.set(i, i, s));
    const core = u.transpose().mmul(toMatrix(e)).mmul(v);
    expect(relativeError(core.to1DArray(), diagonal.to1DArray())).toBeLessThan(rounding);
    expect(Array.from(sigma)).toEqual(Array.from(sigma).sort((a, b) => b - a));
  });

  it.each([
    [9, 5],
    [5, 9],
  ])('carry factors of a %d x %d problem there and back', (rows, cols) => {
    const { frame } = spectralFrame(gaussian(rows, cols, 7));
    const factors: Factors = { x: gaussian(rows, 3, 8), y: gaussian(cols, 3, 9) };
    const back = outOfFrame(intoFrame(factors, frame), frame);
    expect(relativeError(back.x.data, factors.x.data)).toBeLessThan(rounding);
    expect(relativeError(back.y.data, factors.y.data)).toBeLessThan(rounding);
    const forth = intoFrame(outOfFrame(factors, frame), frame);
    expect(relativeError(forth.x.data, factors.x.data)).toBeLessThan(rounding);
    expect(relativeError(intoFrame(factors, frame).x.data, factors.x.data)).toBeGreaterThan(0.1);
    expect(intoFrame(factors, null)).toEqual(factors);
    expect(outOfFrame(factors, null)).toEqual(factors);
  });

  it.each([
    [9, 5],
    [5, 9],
  ])('of a %d x %d problem leave the loss and the singular values of s B A as they are', (rows, cols) => {
    const e = gaussian(rows, cols, 10);
    const { loraA } = initialization('kaiming').draw({ ...context(rectangular, 3), n: rows, m: cols });
    const adapter = { loraA, loraB: gaussian(rows, 3, 11) };
    const original = toFactors(adapter, coefficients);
    const problem = frobenius(e);
    const rotated = intoFrame(original, problem.frame);
    const expected = singularValues(fromMatrix(updateOf(adapter, coefficients.scale)));
    const top = (values: number[]) => values.slice(0, 3);
    expect(relativeError(top(singularValues(product(rotated))), top(expected))).toBeLessThan(rounding);
    const loss = (p: Problem, f: Factors) =>
      evaluator(p.structure as HostStructure)(f.x.data, f.y.data, 3).loss;
    const dense = loss(frobeniusDense(e), original);
    expect(Math.abs(loss(problem, rotated) / dense - 1)).toBeLessThan(rounding);
    expect(Math.abs(loss(problem, original) / dense - 1)).toBeGreaterThan(1e-3);
  });

  it('at random are orthogonal, and differ between sides and seeds', () => {
    const [left, right] = Object.values(randomFrame(8, 8, 1)).map(toMatrix) as [Matrix, Matrix];
    expect(orthogonalityDefect(left)).toBeLessThan(rounding);
    expect(orthogonalityDefect(right)).toBeLessThan(rounding);
    expect(Matrix.sub(left, right).norm()).toBeGreaterThan(1);
    expect(Matrix.sub(left, toMatrix(randomFrame(8, 8, 2).left)).norm()).toBeGreaterThan(1);
    expect(randomFrame(6, 4, 1).right.rows).toBe(4);
  });

  it('by QR have the sign of a positive diagonal of R, as a Haar matrix needs', () => {
    const drawn = gaussian(6, 4, 12);
    const g = toMatrix(drawn);
    const r = toMatrix(haarColumns(drawn)).transpose().mmul(g);
    for (let i = 0; i < 4; i++) {
      expect(r.get(i, i)).toBeGreaterThan(0);
      for (let j = 0; j < i; j++) expect(Math.abs(r.get(i, j))).toBeLessThan(rounding * g.norm());
    }
  });
});

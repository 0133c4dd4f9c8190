/** Optima of large noisy targets, known by leading triples alone, against all singular values. */
import { describe, expect, it } from 'vitest';
import { frobeniusFromSpectrum, frobeniusLoss } from '../../src/problem/frobenius.js';
import { gradientFlow, symmetriesOf } from '../../src/flow/flow.js';
import { dense } from '../../src/numbers/dense.js';
import { singularValues } from '../../src/numbers/svd.js';
import { nearestSaddles } from '../../src/problem/nearestSaddles.js';
import { addNoise } from '../../src/problem/noise.js';
import { readSource } from '../../src/problem/source.js';

describe('optima of a large noisy target', () => {
  const [rows, cols] = [1024, 1100];
  const problemOf = (spectrum: number[], noise: number) =>
    frobeniusLoss.problem(
      readSource({ spectrum, noise, seed: 3 }),
      { n: rows, m: cols },
      null,
      symmetriesOf(gradientFlow),
    );

  it('are those of its singular values, with their saddles, as far as ranks are few', () => {
    const problem = problemOf([4, 3, 2, 1.5], 1);
    expect(problem.structure.kind).toBe('quadratic');
    const seen = dense(rows, cols);
    [4, 3, 2, 1.5].forEach((sigma, i) => (seen.data[i * cols + i] = sigma));
    const whole = frobeniusFromSpectrum(singularValues(addNoise(seen, 1, { seed: 3, draw: 0 })), rows, cols);
    for (const rank of [0, 1, 2, 4, 8, 16, 32, 33, 64]) {
      // What float32 cannot tell of a loss is 2^-38 of that at W0; rounding is 1e-14.
      const off = problem.optimum(rank)! - whole.optimum(rank)!;
      expect(off).toBeGreaterThan(-1e-14 * problem.initialLoss!);
      expect(off).toBeLessThan(2 ** -39 * problem.initialLoss!);
      const floor = 2 ** -38 * problem.initialLoss!;
      const [found, exact] = [problem, whole].map((each) => nearestSaddles(each, rank, floor));
      expect(found).toHaveLength(exact!.length);
      found!.forEach((saddle, i) => {
        expect(saddle.index).toBe(exact![i]!.index);
        expect(saddle.missing / exact![i]!.missing).toBeCloseTo(1, 6);
        expect(saddle.present / exact![i]!.present).toBeCloseTo(1, 6);
      });
    }
    expect(problem.optimum(128)).toBeNull();
    expect(nearestSaddles(problem, 128, 0)).toEqual([]);
  });

  it('tell no saddle where copies of a singular value go on beyond those that are known', () => {
    const problem = problemOf([3, ...Array<number>(rows - 1).fill(1)], 1e-6);
    expect(problem.optimum(2)! / ((rows - 2) / 2)).toBeCloseTo(1, 4);
    expect(nearestSaddles(problem, 1, 0)[0]!.present).toBeCloseTo(1, 4);
    expect(nearestSaddles(problem, 2, 0)).toEqual([]);
  });
});

/** Ranks under a budget against every allocation there is, and rules against singular values that are known. */
import { describe, expect, it } from 'vitest';
import {
  allocate,
  edgeRank,
  effectiveRankAtMost,
  energyRank,
  parametersOf,
  ratioRank,
  relativeError,
  uniformRank,
  uniformRanks,
  type Spectrum,
} from '../../src/advise/allocate.js';
import { budgets } from '../../src/advise/budget.js';
import { dense } from '../../src/numbers/dense.js';
import { effectiveRank } from '../../src/numbers/spectralRanks.js';
import { singularValues } from '../../src/numbers/svd.js';
import { expectRefusal } from '../files/support.js';
import { lowRank, plus, random } from './support.js';

const spectrum = (rows: number, cols: number, sigma: readonly number[], tailSquared = 0): Spectrum => ({
  ...{ rows, cols, sigma, tailSquared, worth: sigma.length },
});

const weights = [
  spectrum(4, 3, [5, 2, 1], 0.5),
  spectrum(10, 6, [6, 5.5, 0.3]),
  spectrum(2, 2, [1.5, 1.4], 0),
];

/** All ranks that there are. */
function* choices(): Generator<number[]> {
  for (let a = 0; a <= 3; a++) for (let b = 0; b <= 3; b++) for (let c = 0; c <= 2; c++) yield [a, b, c];
}

describe('ranks within a budget', () => {
  it('leave the least error of all that cost no more than they do', () => {
    for (let budget = 0; budget <= 80; budget++) {
      const ranks = allocate(weights, budget);
      const spent = parametersOf(weights, ranks);
      expect(spent).toBeLessThanOrEqual(budget);
      // Where all that comes first by gain fits, nothing is better; the last that does not fit may be.
      const gainsInOrder = budget === spent;
      for (const other of choices())
        if (gainsInOrder && parametersOf(weights, other) <= spent && isByGain(ranks))
          expect(relativeError(weights, ranks)).toBeLessThanOrEqual(relativeError(weights, other) + 1e-12);
    }
  });

  /** Whether no direction that was left out has a larger gain than one that was taken. */
  function isByGain(ranks: readonly number[]): boolean {
    const gains = (taken: boolean) =>
      weights.flatMap(({ rows, cols, sigma }, w) =>
        Array.from(sigma)
          .filter((_, i) => i < ranks[w]! === taken)
          .map((s) => s ** 2 / (rows + cols)),
      );
    return Math.min(...gains(true), Infinity) >= Math.max(...gains(false), -Infinity);
  }

  it('are by gain at most budgets, so that the comparison above is one', () => {
    const byGain = Array.from({ length: 81 }, (_, budget) => allocate(weights, budget)).filter(
      (ranks) => isByGain(ranks) && ranks.some((rank) => rank > 0),
    );
    expect(new Set(byGain.map(String)).size).toBeGreaterThan(4);
  });

  it('give nothing to directions that are not worth it', () => {
    const some = weights.map((weight, i) => ({ ...weight, worth: [1, 0, 2][i]! }));
    expect(allocate(some, 1e9)).toEqual([1, 0, 2]);
  });

  it('are no more for a weight when another comes to it', () => {
    for (let budget = 0; budget <= 80; budget++) {
      const before = allocate(weights.slice(0, 2), budget);
      allocate(weights, budget)
        .slice(0, 2)
        .forEach((rank, i) => expect(rank).toBeLessThanOrEqual(before[i]!));
    }
  });

  it('that are uniform are the largest that fit', () => {
    for (let budget = 0; budget <= 80; budget++) {
      const rank = uniformRank(weights, budget);
      expect(parametersOf(weights, uniformRanks(weights, rank))).toBeLessThanOrEqual(budget);
      if (rank < 3) expect(parametersOf(weights, uniformRanks(weights, rank + 1))).toBeGreaterThan(budget);
    }
  });
});

describe('rules', () => {
  it('keep a share of the squares', () => {
    const one = spectrum(9, 9, [3, 2, 1], 2);
    expect([0.5, 0.56, 0.57, 0.8, 0.9].map((share) => energyRank(one, share))).toEqual([1, 1, 2, 2, null]);
  });

  it('keep what is at least a fraction of the largest', () => {
    const one = spectrum(9, 9, [3, 2, 1], 2);
    expect([1, 0.6, 0.5, 0.3].map((ratio) => ratioRank(one, ratio))).toEqual([1, 2, 2, null]);
    expect(ratioRank(spectrum(3, 9, [3, 2, 1]), 0.3)).toBe(3);
  });

  it.each([
    [80, 60, [9, 7, 6, 5]],
    [60, 120, [9, 8]],
    [100, 100, []],
  ] as [number, number, number[]][])('find the directions above noise of %d x %d', (rows, cols, spikes) => {
    const noise = random([rows, cols], 5, 1 / Math.sqrt(cols));
    const sigma = singularValues(dense(rows, cols, plus(lowRank(rows, cols, spikes, 9).data, noise)));
    const known = sigma.subarray(0, 20);
    const tailSquared = sigma.subarray(20).reduce((sum, s) => sum + s * s, 0);
    expect(edgeRank(spectrum(rows, cols, [...known], tailSquared))).toBe(spikes.length);
  });

  it('bound the effective rank, and have it where all values are known', () => {
    const sigma = Array.from({ length: 12 }, (_, i) => 1 / (i + 1));
    const all = effectiveRank(sigma)!;
    expect(effectiveRankAtMost(spectrum(12, 20, sigma))).toBeCloseTo(all, 12);
    for (const known of [1, 4, 8, 11]) {
      const tail = sigma.slice(known).reduce((sum, s) => sum + s * s, 0);
      const bound = effectiveRankAtMost(spectrum(12, 20, sigma.slice(0, known), tail));
      expect(bound).toBeGreaterThanOrEqual(all);
      expect(bound).toBeLessThan(12);
    }
  });
});

describe('budgets', () => {
  it('are numbers or shares of BASE', () => {
    expect(budgets(['0.5%', '1200', '.25%'], 10_001)).toEqual([
      { text: '0.5%', folder: '0.5pct', parameters: 50 },
      { text: '1200', folder: '1200', parameters: 1200 },
      { text: '.25%', folder: '0.25pct', parameters: 25 },
    ]);
  });

  it.each(['', '0', '0%', '-1', '101%', '1.5', 'abc', '1e3', '%', '5%%', '../x', 'NaN', 'Infinity'])(
    'refuse %j',
    (text) => expectRefusal(() => budgets(['1%', text], 1000), 'budget', /a whole number from 1, or a share/),
  );

  it('refuse one that is there twice', () => {
    expectRefusal(() => budgets(['1%', '1.0%'], 1000), 'budget', /1.0%; must be given once/);
  });
});

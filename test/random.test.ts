/** Philox against the known answers of Random123, and the laws and independence of what is drawn from it. */
import { describe, expect, it } from 'vitest';
import { normals, philox4x32, streams, uniforms, type StreamName } from '../src/numbers/philox.js';

const key = { seed: 20260210, rank: 3, trial: 7 };
const streamNames = Object.keys(streams) as StreamName[];
const count = 40_000;

/**
 * Every statistical bound below is passed by a true generator with probability 1 - 1e-6; the seed is fixed, so that a
 * test that passes once passes always.
 */
const falseAlarm = 1e-6;
/** Kolmogorov: P(sqrt(N) D > k) = 2 exp(-2 k^2) to leading order. */
const ksBound = Math.sqrt(-Math.log(falseAlarm / 2) / 2);
/** Two-sided normal quantile of 1e-6, for means of many independent terms. */
const zBound = 4.9;

/** sqrt(N) sup |F_N - F|. */
function ksStatistic(values: Float64Array, cdf: (x: number) => number): number {
  const n = values.length;
  let worst = 0;
  values
    .slice()
    .sort()
    .forEach((x, i) => {
      const f = cdf(x);
      worst = Math.max(worst, f - i / n, (i + 1) / n - f);
    });
  return Math.sqrt(n) * worst;
}

/** 1/2 + phi(x) (x + x^3/3 + x^5/15 + ...). */
function normalCdf(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) sum += term *= (x * x) / k;
  return 0.5 + (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** sqrt(N) times the mean of f, for an f of mean 0 and variance 1: standard normal. */
const score = (values: Float64Array, f: (x: number) => number) =>
  Math.sqrt(values.length) * mean(values.map(f));

/** sqrt(N) times the mean of a b: standard normal for independent standard normals. */
const correlation = (a: Float64Array, b: Float64Array) =>
  score(
    a.map((x, i) => x * b[i]!),
    (x) => x,
  );

describe('Philox4x32-10', () => {
  const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');

  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ] as [[number, number, number, number], [number, number], string][])(
    'known answer %#',
    (counter, words, expected) => {
      expect(hex(philox4x32(counter, words))).toBe(expected);
    },
  );
});

describe('uniforms', () => {
  const u = uniforms(count, key, 'loraA');

  it('lie strictly inside (0, 1)', () => {
    expect(u.every((x) => x > 0 && x < 1)).toBe(true);
  });

  it('have the mean and variance of the law', () => {
    expect(Math.abs(score(u, (x) => (x - 0.5) * Math.sqrt(12)))).toBeLessThan(zBound);
    // (x - 1/2)^2 has mean 1/12 and variance 1/180.
    expect(Math.abs(score(u, (x) => ((x - 0.5) ** 2 - 1 / 12) * Math.sqrt(180)))).toBeLessThan(zBound);
  });

  it('pass the Kolmogorov-Smirnov test', () => {
    expect(ksStatistic(u, (x) => x)).toBeLessThan(ksBound);
  });
});

describe('normals', () => {
  const z = normals(count, key, 'loraA');

  it('have the first four moments of the law', () => {
    expect(Math.abs(score(z, (x) => x))).toBeLessThan(zBound);
    expect(Math.abs(score(z, (x) => (x ** 2 - 1) / Math.sqrt(2)))).toBeLessThan(zBound);
    expect(Math.abs(score(z, (x) => x ** 3 / Math.sqrt(15)))).toBeLessThan(zBound);
    expect(Math.abs(score(z, (x) => (x ** 4 - 3) / Math.sqrt(96)))).toBeLessThan(zBound);
  });

  it('pass the Kolmogorov-Smirnov test', () => {
    expect(ksStatistic(z, normalCdf)).toBeLessThan(ksBound);
  });

  it('and the test sees a scale that is 10 % off', () => {
    expect(ksStatistic(z, (x) => normalCdf(x / 1.1))).toBeGreaterThan(ksBound);
  });

  it('are uncorrelated at every lag within and across blocks', () => {
    for (let lag = 1; lag <= 8; lag++) {
      expect(Math.abs(correlation(z.slice(0, -lag), z.slice(lag)))).toBeLessThan(zBound);
      const squares = z.map((x) => (x * x - 1) / Math.SQRT2);
      expect(Math.abs(correlation(squares.slice(0, -lag), squares.slice(lag)))).toBeLessThan(zBound);
    }
  });
});

describe('streams', () => {
  it('of other purposes, ranks, trials and seeds are uncorrelated with one another', () => {
    const drawn = [
      ...streamNames.map((stream) => normals(count, key, stream)),
      normals(count, { ...key, rank: 4 }, 'loraA'),
      normals(count, { ...key, trial: 8 }, 'loraA'),
      normals(count, { ...key, seed: key.seed + 1 }, 'loraA'),
      // What swapping rank and trial, or a trial and a stream, would repeat.
      normals(count, { ...key, rank: key.trial, trial: key.rank }, 'loraA'),
    ];
    drawn.forEach((a, i) => {
      for (const b of drawn.slice(i + 1)) expect(Math.abs(correlation(a, b))).toBeLessThan(zBound);
    });
    expect(correlation(drawn[0]!, drawn[0]!)).toBeGreaterThan(zBound);
  });

  it('of neighbouring trials are uncorrelated, entry by entry over trials', () => {
    const first = Float64Array.from(
      { length: 5000 },
      (_, trial) => normals(1, { ...key, trial }, 'loraA')[0]!,
    );
    expect(Math.abs(correlation(first.slice(1), first.slice(0, -1)))).toBeLessThan(zBound);
    expect(ksStatistic(first, normalCdf)).toBeLessThan(ksBound);
  });

  it('depend on nothing drawn before or after', () => {
    const long = normals(1000, key, 'loraB');
    normals(17, { ...key, trial: 1 }, 'loraA');
    for (const length of [1, 2, 3, 5, 998]) {
      expect(normals(length, key, 'loraB')).toEqual(long.slice(0, length));
      expect(uniforms(length, key, 'loraB')).toEqual(uniforms(1000, key, 'loraB').slice(0, length));
    }
  });

  it('of seeds above 2^32 differ from those of their low half', () => {
    const high = 2 ** 32 + key.seed;
    expect(normals(4, { ...key, seed: high }, 'loraA')).not.toEqual(normals(4, key, 'loraA'));
    expect(normals(4, { ...key, seed: 2 ** 53 - 1 }, 'loraA')).not.toEqual(
      normals(4, { ...key, seed: 2 ** 32 - 1 }, 'loraA'),
    );
    expect(
      Math.abs(correlation(normals(count, { ...key, seed: high }, 'loraA'), normals(count, key, 'loraA'))),
    ).toBeLessThan(zBound);
  });
});

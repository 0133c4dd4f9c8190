/** Forecasts before training: surrogates, simulated trainings, and what is said of them. */
import { writeFileSync } from 'node:fs';
import { Matrix } from 'ml-matrix';
import { beforeAll, describe, expect, it } from 'vitest';
import { forecastSchema, type ForecastInput } from '../../src/advise/forecast/config.js';
import { forecastOf, progressWithin, type OnSurrogates } from '../../src/advise/forecast/combined.js';
import { readStatistics, type Statistics } from '../../src/advise/forecast/statistics.js';
import { surrogates } from '../../src/advise/forecast/surrogates.js';
import { train, training, type Trained, type Training } from '../../src/advise/forecast/train.js';
import { writeSafetensors } from '../../src/files/writeSafetensors.js';
import type { Dense } from '../../src/numbers/dense.js';
import { forecast } from '../../src/advise/forecast.js';
import { shareRecords } from '../../src/advise/forecast/folder.js';
import { forecastAnswer, forecastCautions, forecastText } from '../../src/advise/forecast/report.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { gaussian, toMatrix } from '../support.js';
import { fileAt, statisticsOf, tensor, tensorsOf, weight, writeStatistics } from './statistics.js';

const [n, m] = [6, 5];
const one = weight('layer', n, m, 1);
const other = weight('other', 4, 7, 10);

const inner = (a: Matrix, b: Matrix) => Matrix.mul(a, b).sum();

describe('surrogates', () => {
  it.each([
    ['the curvature that the file has', 2.5],
    ['that of S, where it has none', null],
  ])('curve along G by %s', (_, curvature) => {
    const statistics = { ...statisticsOf([one, other]), curvature };
    const byS = [one, other].reduce((sum, { gradient, outputCovariance, covariance }) => {
      const [g, s, h] = [gradient, outputCovariance, covariance].map(toMatrix) as [Matrix, Matrix, Matrix];
      return sum + inner(s.mmul(g).mmul(h), g);
    }, 0);
    for (const { problems } of surrogates(statistics)) {
      // Twice what is left of f(W0 + t G) - f(W0) - t |G|^2, over t^2.
      const t = 0.3;
      const curved = problems.reduce((sum, problem, i) => {
        const { gradient } = [one, other][i]!;
        const update = { ...gradient, data: gradient.data.map((g) => t * g) };
        const slope = t * inner(toMatrix(gradient), toMatrix(gradient));
        return sum + (2 * (problem.valueAndGradient(update)!.value - statistics.loss - slope)) / t ** 2;
      }, 0);
      expect(curved / (curvature ?? byS)).toBeCloseTo(1, 10);
    }
  });

  it('have the largest eigenvalue of their curvature', () => {
    const { outputCovariance, covariance } = one;
    const [kfac, identity] = surrogates(statisticsOf([one]));
    const top = (a: Dense) => {
      let v = Matrix.ones(a.rows, 1);
      for (let i = 0; i < 3000; i++) v = toMatrix(a).mmul(v).div(v.norm());
      return v.norm();
    };
    expect(kfac.sharpness[0]! / (kfac.scale * top(outputCovariance) * top(covariance))).toBeCloseTo(1, 6);
    expect(identity.sharpness[0]! / (identity.scale * top(covariance))).toBeCloseTo(1, 6);
  });
});

describe('a simulated training', () => {
  let device: Device;
  beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));
  const configOf = (changes: Partial<ForecastInput>) =>
    forecastSchema.parse({
      ...{ stats: 'made up', optimizer: 'sgd', lr: 0.05, steps: 40, ranks: [1, 3], alpha: 4 },
      ...{ precision: 'float64', ...changes },
    });

  const starts = fileAt('starts.safetensors');
  const [a0, b0] = [gaussian(3, m, 50, 0.4), gaussian(3, 7, 51, 0.4)];
  writeSafetensors(starts, { 'layer.A0.r3': tensor(a0), 'other.A0.r3': tensor(b0) });

  /** Losses of the weight after each step, by the equations of torch.optim.SGD and AdamW on B and A. */
  function byHand(
    { gradient, outputCovariance, covariance }: typeof one,
    k: number,
    start: Dense,
    optimizer: string,
    lr: number,
    steps: number,
    scale: number,
  ) {
    const [g, s, h] = [gradient, outputCovariance, covariance].map(toMatrix) as [Matrix, Matrix, Matrix];
    let [b, a] = [Matrix.zeros(gradient.rows, start.rows), toMatrix(start)];
    const memory = [b, a].map((z) => ({
      m: Matrix.zeros(z.rows, z.columns),
      v: Matrix.zeros(z.rows, z.columns),
    }));
    const losses: number[] = [];
    for (let step = 1; step <= steps; step++) {
      const d = b.mmul(a).mul(scale);
      const slope = Matrix.add(g, s.mmul(d).mmul(h).mul(k));
      const slopes = [slope.mmul(a.transpose()).mul(scale), b.transpose().mmul(slope).mul(scale)];
      const moves = slopes.map((z, i) => {
        if (optimizer === 'sgd') return z;
        const state = memory[i]!;
        state.m = Matrix.add(Matrix.mul(state.m, 0.9), Matrix.mul(z, 0.1));
        state.v = Matrix.add(Matrix.mul(state.v, 0.999), Matrix.mul(Matrix.mul(z, z), 0.001));
        const mean = Matrix.div(state.m, 1 - 0.9 ** step);
        return Matrix.div(
          mean,
          Matrix.div(state.v, 1 - 0.999 ** step)
            .sqrt()
            .add(1e-8),
        );
      });
      [b, a] = [Matrix.sub(b, moves[0]!.mul(lr)), Matrix.sub(a, moves[1]!.mul(lr))];
      const moved = b.mmul(a).mul(scale);
      losses.push(inner(g, moved) + (k / 2) * inner(s.mmul(moved).mmul(h), moved));
    }
    return losses;
  }

  it.each(['sgd', 'adamw'] as const)(
    'of two weights is that of %s on each, step by step',
    async (optimizer) => {
      const statistics = { ...statisticsOf([one, other]), curvature: 2.5 };
      const config = configOf({ optimizer, ranks: [3], starts, lr: 0.02 });
      const plan = training(config, statistics);
      const [kfac] = surrogates(statistics);
      const [trained, ...rest] = await train(plan, kfac, device);
      expect(rest).toEqual([]);
      const [first, second] = [
        [one, a0],
        [other, b0],
      ].map(([of, start]) =>
        byHand(of as typeof one, kfac.scale, start as Dense, optimizer, 0.02, 40, 4 / 3),
      ) as [number[], number[]];
      expect(plan.saves).toEqual(first.map((_, i) => i + 1));
      first.forEach((change, i) => {
        const expected = statistics.loss + change + second[i]!;
        expect(Math.abs(trained!.losses[i]! - expected)).toBeLessThan(1e-7 * statistics.loss);
        expect(trained!.drops[0]![i]).toBeCloseTo(-change, 6);
      });
      expect(first.at(-1)! + second.at(-1)!).toBeLessThan(-0.1);
    },
  );

  it('draws starts of its own for each weight and trial, and tells how it is stable', async () => {
    const twins = [one, { ...one, name: 'twin' }];
    const statistics = { ...statisticsOf(twins), curvature: 2.5 };
    const config = configOf({ trials: 2, steps: 3 });
    const [kfac] = surrogates(statistics);
    const trained = await train(training(config, statistics), kfac, device);
    expect(trained.map(({ rank, trial }) => [rank, trial])).toEqual([
      [1, 0],
      [1, 1],
      [3, 0],
      [3, 1],
    ]);
    for (const { drops } of trained) expect(drops[0]).not.toEqual(drops[1]);
    expect(trained[0]!.losses).not.toEqual(trained[1]!.losses);
    // With B = 0, gradient descent on B alone has the curvature s^2 |A|^2 lambda, |A| at most the root of rank / 3 or so.
    for (const { rank, largestRate } of trained)
      expect(largestRate).toBeGreaterThan(2 / ((4 / rank) ** 2 * 3 * rank * kfac.sharpness[0]!));
  });

  it('diverges at a learning rate far above the largest stable one, and not at a half of it', async () => {
    const statistics = statisticsOf([one]);
    const [kfac] = surrogates(statistics);
    const run = async (lr: number) =>
      train(training(configOf({ lr, steps: 400, trials: 1 }), statistics), kfac, device);
    const [{ largestRate }] = (await run(1e-3)) as [Trained, ...Trained[]];
    const [calm] = await run(largestRate / 2);
    expect(calm!.losses.at(-1)).toBeLessThan(statistics.loss);
    expect(calm!.outcomes).toEqual(['end-time']);
    const [wild] = await run(30 * largestRate);
    expect(wild!.losses.at(-1)).toBeNaN();
  });

  it.each<[string, Partial<ForecastInput>, string, string]>([
    ['a rank above the sides', { ranks: [2, 6] }, 'ranks', 'at most 5'],
    ['a rank twice', { ranks: [2, 2] }, 'ranks', 'without repeats'],
    ['momentum of adamw', { optimizer: 'adamw', momentum: 0.9 }, 'momentum', 'adamw does not use it'],
    ['starts and a number of them', { ranks: [3], starts, trials: 2 }, 'trials', 'left out with starts'],
    ['a start that is not there', { ranks: [2], starts }, starts, 'a start for each rank'],
  ])('is refused with %s', (_, changes, field, words) => {
    expect(() => training(configOf(changes), statisticsOf([one]))).toThrow(
      expect.objectContaining({
        name: 'InputError',
        field,
        message: expect.stringContaining(words) as string,
      }),
    );
  });
});

describe('what two surrogates say together', () => {
  const [saves, ranks] = [
    [10, 20, 30, 40],
    [1, 2],
  ];
  const plan = {
    saves,
    config: forecastSchema.parse({ stats: 'x', optimizer: 'sgd', lr: 0.1, steps: 40, ranks }),
  } as unknown as Training;
  const along = [{ predicted: 100, real: 100 }];
  const statistics: Statistics = { ...statisticsOf([one]), loss: 10, along };
  const trained = (rank: number, drops: readonly number[], trial = 0): Trained => ({
    ...{ rank, trial, outcomes: ['end-time'], drops: [drops], largestRate: 0.5 },
    losses: drops.map((drop) => 10 - drop),
  });
  const on = (kfac: readonly Trained[], identity: readonly Trained[]): OnSurrogates => ({ kfac, identity });
  const usual = on(
    [trained(1, [0.1, 0.2, 1, 2]), trained(2, [0.2, 0.5, 2, 8])],
    [trained(1, [0.1, 0.21, 1, 2]), trained(2, [0.2, 0.5, 1.9, 6])],
  );

  it('are shares of the rank ahead, and losses up to where they agree on these', () => {
    const { steps, limit, agreeTo, ranks: told } = forecastOf(plan, statistics, usual, false);
    expect({ steps, limit, agreeTo }).toEqual({
      steps: saves,
      limit: 'end',
      agreeTo: { shares: 40, losses: 30 },
    });
    expect(told[1]!.losses.map((band) => band?.low ?? null)).toEqual([9.8, 9.5, 8, null]);
    expect(told[1]!.shares).toEqual(steps.map(() => ({ low: 1, middle: 1, high: 1, kfac: 1, identity: 1 })));
    const { low, middle, high, kfac, identity } = told[0]!.shares[1]!;
    [0.4, 0.41, 0.42].forEach((share, i) => expect([low, middle, high][i]).toBeCloseTo(share, 12));
    expect([kfac, identity]).toEqual([low, high]);
    // 5 % of f(W0) is 0.5: of gaps 0.3 at step 20 and 1 at 30, and of 0.29 and 0.9.
    expect(told[0]!.behindAt.first).toBeCloseTo(20 + (10 * 0.2) / 0.7, 12);
    expect(told[0]!.behindAt.last).toBeCloseTo(20 + (10 * 0.21) / 0.61, 12);
    expect(told[1]!.behindAt).toEqual({ first: null, last: null });
  });

  it('tell no times beyond the losses that they agree on', () => {
    // Behind at step 32 and 34, where losses differ by 15 %.
    const late = on(
      [trained(1, [0.1, 0.2, 0.8, 1]), trained(2, [0.2, 0.5, 1.2, 2])],
      [trained(1, [0.1, 0.2, 0.8, 0.9]), trained(2, [0.2, 0.5, 1.2, 1.7])],
    );
    expect(forecastOf(plan, statistics, late, false).ranks[0]!.behindAt).toEqual({ first: null, last: null });
    const { first, last } = forecastOf(plan, statistics, late, true).ranks[0]!.behindAt;
    expect(first).toBeCloseTo(30 + (10 * 0.1) / 0.6, 12);
    expect(last).toBeCloseTo(30 + (10 * 0.1) / 0.4, 12);
  });

  it('end where they do not agree on shares, and go on with a pilot', () => {
    const parted = on(usual.kfac, [trained(1, [0.1, 0.21, 1, 3]), usual.identity[1]!]);
    const { steps, limit, agreeTo } = forecastOf(plan, statistics, parted, false);
    expect({ steps, limit }).toEqual({ steps: [10, 20, 30], limit: 'disagreement' });
    expect(agreeTo).toEqual({ shares: 30, losses: 30 });
    const fitted = forecastOf(plan, statistics, parted, true);
    expect(fitted).toMatchObject({ steps: saves, limit: 'end', agreeTo });
    expect(fitted.ranks[0]!.losses.every((band) => band !== null)).toBe(true);
  });

  it('end where the loss along its gradient is off its quadratic, losses before shares, with a pilot too', () => {
    // 10 % off between falls of 0.4 and 1, 20 % between 1 and 3.
    const bending = {
      ...statistics,
      along: [
        { predicted: 0.4, real: 0.4 },
        { predicted: 1, real: 1 / 1.15 },
        { predicted: 3, real: 2 },
      ],
    };
    expect(progressWithin(bending.along, 0.1)).toBeCloseTo(0.8, 12);
    expect(progressWithin(bending.along, 0.2)).toBeCloseTo(1 + (2 * 0.05) / 0.35, 12);
    expect(progressWithin(bending.along, 0.6)).toBe(3);
    expect(progressWithin(null, 0.1)).toBe(Infinity);
    expect(progressWithin([{ predicted: 1, real: -1 }], 0.1)).toBe(0);
    const { steps, limit, agreeTo, ranks: told } = forecastOf(plan, bending, usual, false);
    expect({ steps, limit, agreeTo }).toEqual({
      ...{ steps: [10, 20], limit: 'bend' },
      agreeTo: { shares: 20, losses: 20 },
    });
    const sooner = { ...bending, along: [{ predicted: 0.4, real: 0.4 / 1.1 }, ...bending.along.slice(1)] };
    expect(forecastOf(plan, sooner, usual, false).agreeTo).toEqual({ shares: 20, losses: 10 });
    expect(forecastOf(plan, sooner, usual, false).ranks[0]!.losses[1]).toBeNull();
    expect(forecastOf(plan, { ...bending, cosine: 0.4 }, usual, false).steps).toEqual([20]);
    expect(told[0]!.losses.every((band) => band !== null)).toBe(true);
    expect(forecastOf(plan, sooner, usual, true)).toMatchObject({ steps: [10, 20], limit: 'bend' });
    expect(forecastOf(plan, sooner, usual, true).ranks[0]!.losses[1]).not.toBeNull();
  });

  it('say nothing below the floor of the loss, nor where one has failed', () => {
    const floored = forecastOf(plan, { ...statistics, floor: 3 }, usual, true);
    expect([floored.steps, floored.limit]).toEqual([[10, 20, 30], 'floor']);
    for (const { losses } of floored.ranks)
      for (const band of losses) expect(band!.low).toBeGreaterThanOrEqual(3);
    const diverged = { ...trained(1, [0.1, NaN, NaN, NaN]), outcomes: ['diverged'] as const };
    const failing = forecastOf(plan, statistics, on(usual.kfac, [diverged, usual.identity[1]!]), true);
    expect([failing.steps, failing.limit]).toEqual([[10], 'failure']);
    expect(failing.failures).toEqual([{ surrogate: 'identity', rank: 1, count: 1 }]);
  });

  it('tell late shares alone, and no times, of a noisy gradient', () => {
    const noisy = forecastOf(plan, { ...statistics, cosine: 0.79 }, usual, false);
    expect(noisy).toMatchObject({ steps: [40], trusted: false, agreeTo: { shares: null, losses: null } });
    expect(noisy.ranks[0]).toMatchObject({ losses: [null], behindAt: { first: null, last: null } });
    expect(noisy.ranks[0]!.shares).toEqual([
      { low: 0.25, middle: expect.closeTo(7 / 24, 12) as number, high: 1 / 3, kfac: 0.25, identity: 1 / 3 },
    ]);
    expect(forecastOf(plan, { ...statistics, cosine: 0.81 }, usual, false).trusted).toBe(true);
  });

  it('are put in a sentence, with what the statistics lack by name', () => {
    const made = (changes: Partial<Statistics>, isFitted = false) => {
      const all = { ...statistics, ...changes };
      return {
        ...{ config: plan.config, statistics: all, scales: { kfac: 1, identity: 2 }, pilotSteps: null },
        forecast: forecastOf(plan, all, usual, isFitted),
      };
    };
    expect(forecastAnswer(made({}))).toMatch(/^At step 40, rank 2 has made the most progress/);
    const cautions = (changes: Partial<Statistics>) => forecastCautions(made(changes)).join(' ');
    expect(cautions({ curvature: 1 })).toBe('');
    expect(cautions({ curvature: null })).toContain('hvp');
    expect(cautions({ curvature: 1, along: null })).toContain('losses along G');
    expect(cautions({ curvature: 1, cosine: null })).toContain('halves');
    expect(cautions({ curvature: 1, cosine: 0.4 })).toContain('cosine of 0.40');
    expect(cautions({ curvature: 1, draws: null })).toContain('draws');
    // 10 vectors for each of 6 dimensions.
    expect(cautions({ curvature: 1, draws: 2, samples: 29 })).toContain('S of layer: 58 vectors for 6');
    expect(cautions({ curvature: 1, draws: 2, samples: 30 })).toBe('');
    expect(forecastText(made({ cosine: 0.4 }))).not.toContain('behind at step');
    const rows = shareRecords(made({}));
    expect(rows).toHaveLength(4 * 2);
    const values = Object.values(rows[2]!);
    [20, 1, 0.4, 0.41, 0.42, 9.79, 9.795, 9.8].forEach((value, i) =>
      expect(values[i]).toBeCloseTo(value, 12),
    );
    expect(shareRecords(made({ cosine: 0.4 }))[0]).toMatchObject({ step: 40, loss_low: null, loss: null });
  });
});

describe('a pilot', () => {
  const stats = writeStatistics('pilot-stats.safetensors', tensorsOf([one]), { cosine: '0.9' });
  const pilot = fileAt('pilot.csv');
  const input: ForecastInput = {
    ...{ stats, optimizer: 'sgd', lr: 0.05, steps: 60, ranks: [1, 3], alpha: 4, trials: 1 },
    ...{ backend: 'cpu', precision: 'float64', workers: 1 },
  };

  it('fixes the scale of the curvature that it was trained under', async () => {
    const statistics = readStatistics(stats);
    const truth = surrogates(statistics)[0].times(1.7);
    const device = await openDevice('cpu', { workers: 1 });
    const plan = training(forecastSchema.parse({ ...input, ranks: [3] }), statistics);
    const [{ losses }] = (await train(plan, truth, device)) as [Trained];
    writeFileSync(pilot, plan.saves.map((step, i) => `${step},${losses[i]}\n`).join(''));
    const { scales, pilotSteps, forecast: told } = await forecast({ ...input, pilot, pilotRank: 3 });
    expect(pilotSteps).toBe(60);
    expect(Math.abs(scales.kfac / truth.scale - 1)).toBeLessThan(0.01);
    expect(told.limit).toBe('end');
    expect(Math.abs((await forecast(input)).scales.kfac / truth.scale - 1)).toBeGreaterThan(0.3);
  });

  it.each<[string, string, Partial<ForecastInput>, string]>([
    ['without its rank', '1,2\n', { pilotRank: undefined }, 'pilotRank'],
    ['of three columns', '1,2,3\n', {}, '3 columns'],
    ['of few rows', '0,3\n1,2.9\n', {}, '1 rows'],
    ['out of order', '2,2.9\n1,2.8\n', {}, 'ascending'],
    ['beyond the last step', '61,2.9\n', {}, 'from 0 to 60'],
    ['whose loss does not fall', '1,3\n2,3\n3,3\n4,3\n5,3\n', {}, 'below 3'],
    ['that no curvature explains', '1,2\n2,1\n3,0.5\n4,0.2\n5,0.1\n', {}, 'explains'],
    ['under a schedule that looks ahead', '1,2\n', { schedule: 'cosine' }, 'constant'],
  ])('is refused %s', async (_, rows, changes, words) => {
    writeFileSync(pilot, rows);
    await expect(forecast({ ...input, pilot, pilotRank: 3, ...changes })).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(words) as string,
    });
  });
});

describe('several weights', () => {
  it('are refused without their joint curvature, and say which does most with it', async () => {
    const input = (changes: Record<string, string>): ForecastInput => ({
      stats: writeStatistics('several.safetensors', tensorsOf([one, other]), { cosine: '0.9', ...changes }),
      ...{ optimizer: 'adamw', lr: 1e-3, steps: 20, ranks: [1, 2], trials: 2 },
      ...{ backend: 'cpu', precision: 'float64', workers: 1 },
    });
    await expect(forecast(input({}))).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining('2 weights without hvp') as string,
    });
    const made = await forecast(input({ hvp: '2.5' }));
    expect(made.forecast.agreeTo.losses).not.toBeNull();
    const [{ parts, largestRate }] = made.forecast.ranks as [(typeof made.forecast.ranks)[0]];
    expect(parts.reduce((sum, { middle }) => sum + middle, 0)).toBeCloseTo(1, 12);
    expect(largestRate).toBeNull();
    expect(forecastText(made)).toMatch(/(layer|other) \(\d+ %\)/);
  });
});

/** Sweeps in process: plans, reproducibility, statistics against hand-computed values, laws. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '../src/input/checkConfig.js';
import type { Outcome } from '../src/method/outcome.js';
import { sweepJsonSchema, sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { expectedSquare, lawOf, metricOf } from '../src/sweep/law.js';
import { makePlan, type Plan } from '../src/sweep/plan.js';
import type { TrialRow } from '../src/sweep/row.js';
import { statistic, zScore } from '../src/numbers/statistics.js';
import { sweep } from '../src/run/sweep.js';
import { columnsOf, summarize } from '../src/sweep/summarize.js';
import { runTrials } from '../src/run/trials.js';
import { openDevice } from '../src/solver/device.js';
import type { Trial } from '../src/sweep/row.js';
import { eachBackend, gaussian } from './support.js';

const plan = (input: SweepInput): Promise<Plan> => makePlan(checkConfig(sweepSchema, input));

const small = { spectrum: 'power:1', shape: ['6x5'], ranks: [1, 2] } satisfies SweepInput;

describe('config', () => {
  it('has the published JSON Schema', () => {
    const file = new URL('../src/sweep/sweep.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(sweepJsonSchema());
  });

  it('has defaults', () => {
    expect(checkConfig(sweepSchema, { ranks: [3] })).toEqual({
      loss: ['frobenius'],
      vectors: 'identity',
      ranks: [3],
      init: ['kaiming'],
      lrRatioA: 1,
      lrRatioB: 1,
      flow: ['gradient'],
      decay: 0,
      coupledDecay: 0,
      draws: 1,
      observe: [],
      trials: 32,
      seed: 0,
      method: 'auto',
      maxSteps: 1_000_000,
      backend: 'auto',
      tf32: false,
      kernel: 'auto',
      fusedKernel: 'auto',
      precision: 'float32',
    });
  });
});

describe('plan', () => {
  it('has a cell for every combination: losses, shapes, initializations, scalings, then ranks', async () => {
    const { cells } = await plan({
      loss: ['frobenius', 'trace-squared'],
      spectrum: 'exp:0.5',
      shape: ['6x6', '8x8'],
      init: ['gaussian', 'spectral'],
      scaling: ['none', 'lora'],
      alpha: 4,
      ranks: [2, 4],
      trials: 7,
    });
    expect(cells.map(({ index }) => index)).toEqual(Array.from({ length: 32 }, (_, i) => i));
    const words = cells.map(
      ({ problem, initialization, scaling, rank, coefficients, trials }) =>
        `${problem.loss.name} ${problem.n} ${initialization.name} ${scaling} ${rank} ${coefficients.scale} ${trials}`,
    );
    expect(words.slice(0, 9)).toEqual([
      'frobenius 6 gaussian none 2 4 7',
      'frobenius 6 gaussian none 4 4 7',
      'frobenius 6 gaussian lora 2 2 7',
      'frobenius 6 gaussian lora 4 1 7',
      'frobenius 6 spectral none 2 4 1',
      'frobenius 6 spectral none 4 4 1',
      'frobenius 6 spectral lora 2 2 1',
      'frobenius 6 spectral lora 4 1 1',
      'frobenius 8 gaussian none 2 4 7',
    ]);
    expect(words[16]).toBe('trace-squared 6 gaussian none 2 4 7');
    expect(new Set(cells.map(({ problem }) => problem)).size).toBe(4);
  });

  it('stops at 400 over the fastest rate or when steady, unless it is told a time', async () => {
    const free = await plan({ ...small, spectrum: [4, 1], alpha: 2, lrRatioB: 9 });
    expect(free.cells[0]!.stop.saveTimes).toHaveLength(32);
    // c = s sqrt(kA kB) = 6, |grad f(W0)| = 4.
    expect(free.config.time).toBeCloseTo(400 / 24, 12);
    expect(free.cells[0]!.stop.steadyTolerance).toBe(1e-4);
    const told = await plan({ ...small, time: 0.3, method: 'rk4', step: 0.1 });
    expect(told.cells[0]!.stop.saveTimes).toEqual([0.1, 0.2, 0.3]);
    expect(told.cells[0]!.stop.steadyTolerance).toBeNull();
    const saved = await plan({ ...small, time: 5, saveTimes: [3, 1, 3], steady: 0.01 });
    expect(saved.cells[0]!.stop).toEqual({
      saveTimes: [1, 3, 5],
      steadyTolerance: 0.01,
      maxSteps: 1_000_000,
    });
    expect(saved.config).toMatchObject({ time: 5, saveTimes: [1, 3, 5], steady: 0.01 });
  });

  it.each<[string, Partial<SweepInput>]>([
    ['rank', { ranks: [6] }],
    ['trials', { ranks: [1, 2], trials: 50_000_001 }],
    ['saveTimes', { time: 1, saveTimes: [2] }],
    ['covariance', { covariance: 'power:1' }],
    ['shape', { shape: ['100000000x100000000'] }],
  ])('refuses a wrong %s before anything runs', async (field, wrong) => {
    await expect(plan({ ...small, ...wrong })).rejects.toMatchObject({ name: 'InputError', field });
  });

  it('may have more trials than a call that holds them in memory', async () => {
    const many = { ...small, ranks: [1, 2], trials: 500_001 };
    expect((await plan(many)).cells).toHaveLength(2);
    await expect(sweep(many)).rejects.toThrow('invalid trials: 500001; must be at most 1000000');
  });
});

describe('law', () => {
  const cell = async (input: Partial<SweepInput>, rank = 2) =>
    (await plan({ ...small, shape: ['6x6'], ranks: [rank], ...input })).cells[0]!;
  const sigma = [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6];
  const p = sigma.reduce((all, s) => all + s, 0);
  const tail = (r: number, weights = sigma) => weights.slice(r).reduce((all, s) => all + s * s, 0);

  it('is that of Eckart, Young and Mirsky for every initialization', async () => {
    for (const init of ['kaiming', 'spectral', 'small']) {
      const at = await cell({ init: [init] });
      expect(lawOf(at)).toEqual({
        value: expect.closeTo(Math.sqrt(tail(2) / tail(0)), 12),
        name: 'Eckart-Young-Mirsky',
      });
      expect(lawOf(at)?.value).not.toBeCloseTo(Math.sqrt(tail(3) / tail(0)), 2);
      expect(metricOf(at)).toBe('relative error');
      expect(expectedSquare(at)).toBeNull();
    }
  });

  it('measures PiSSA against W0, as it does every other start, though it moves on the residual', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rankflow-'));
    const csv = (name: string, seed: number) => {
      const { data } = gaussian(4, 4, seed);
      const rows = [0, 1, 2, 3].map((i) => data.slice(4 * i, 4 * i + 4).join(','));
      writeFileSync(join(folder, name), rows.join('\n'));
      return join(folder, name);
    };
    const { cells } = await makePlan(
      checkConfig(sweepSchema, {
        ...{ target: csv('m.csv', 1), base: csv('w0.csv', 2), ranks: [2], init: ['pissa', 'gaussian'] },
      }),
    );
    rmSync(folder, { recursive: true });
    const [pissa, generic] = cells.map(({ problem }) => problem);
    expect(pissa?.initialLoss).toBe(generic?.initialLoss);
    expect(pissa?.fullFineTuningLoss(0.3)).toBe(generic?.fullFineTuningLoss(0.3));
    expect(pissa?.optimum(2)).not.toBeCloseTo(generic?.optimum(2) ?? NaN, 3);
  });

  it('is weighted by the covariance in linear regression', async () => {
    const at = await cell({ loss: ['linear-regression'], covariance: 'exp:1' });
    const weighted = sigma.map((s, i) => s * Math.exp(-i / 2));
    expect(lawOf(at)?.value).toBeCloseTo(Math.sqrt(tail(2, weighted) / tail(0, weighted)), 12);
  });

  it('is the gap to full fine-tuning for the trace-squared loss', async () => {
    const trace = (init: string, rank?: number) => cell({ loss: ['trace-squared'], init: [init] }, rank);
    const spectral = p * Math.sqrt(1 / 2 - 1 / 6);
    for (const init of ['spectral:3', 'balanced']) {
      expect(lawOf(await trace(init))?.value).toBeCloseTo(spectral, 12);
      expect(expectedSquare(await trace(init))).toBeNull();
    }
    const square = p ** 2 * (9 / 14 - 1 / 6);
    expect(lawOf(await trace('gaussian'))?.value).toBeCloseTo(Math.sqrt(square), 12);
    expect(expectedSquare(await trace('gaussian:2'))).toBeCloseTo(square, 12);
    // At rank 1 all draws end at one distance: a law, but nothing to take the mean of.
    expect(lawOf(await trace('gaussian', 1))?.value).toBeCloseTo(p * Math.sqrt(5 / 6), 12);
    expect(expectedSquare(await trace('gaussian', 1))).toBeNull();
    expect(lawOf(await trace('kaiming'))).toBeNull();
    expect(metricOf(await trace('kaiming'))).toBe('distance from full fine-tuning');
  });
});

describe('statistics', () => {
  it('are those of R and NumPy', () => {
    // numpy.quantile([1, 2, 4, 8, 16], q) (type 7), sd with n - 1, t(0.975, 4) = 2.7764451051977987.
    const half = (2.7764451051977987 * Math.sqrt(37.2)) / Math.sqrt(5);
    const expected = { p05: 1.2, p25: 2, p50: 4, p75: 8, p95: 14.4, mean: 6.2, sd: Math.sqrt(37.2) };
    const found = statistic([16, 1, NaN, 8, 2, Infinity, 4]);
    expect(found.count).toBe(5);
    for (const [name, value] of Object.entries({ ...expected, ciLow: 6.2 - half, ciHigh: 6.2 + half }))
      expect(found[name as keyof typeof found], name).toBeCloseTo(value, 7);
  });

  it('of two values, one and none', () => {
    const two = statistic([1, 3]);
    // t(0.975, 1) = 12.706204736174698, standard error 1.
    expect([two.mean, two.ciLow, two.ciHigh]).toEqual(
      [2, 2 - 12.706204736174698, 2 + 12.706204736174698].map((v) => expect.closeTo(v, 6)),
    );
    expect([two.p05, two.p50, two.p95]).toEqual([1.1, 2, 2.9].map((v) => expect.closeTo(v, 12)));
    expect(statistic([NaN, 5])).toMatchObject({ count: 1, mean: 5, p05: 5, p95: 5, sd: NaN, ciLow: NaN });
    for (const none of [statistic([]), statistic([NaN])])
      expect(none).toMatchObject({ count: 0, mean: NaN, p50: NaN, ciHigh: NaN });
  });

  it('measure the distance of a mean from its expectation in standard errors', () => {
    // mean 2.5, sd sqrt(5/3), standard error sqrt(5/12).
    expect(zScore([1, 2, 3, 4, NaN], 2)).toBeCloseTo(0.5 / Math.sqrt(5 / 12), 12);
    expect(zScore([1, 2, 3, 4], 3)).toBeCloseTo(-0.5 / Math.sqrt(5 / 12), 12);
    expect([zScore([1], 1), zScore([], 1), zScore([2, 2, 2], 1)]).toEqual([null, null, null]);
  });
});

/** All trials of a plan. */
const whole = ({ cells }: Plan) => cells.map(({ index, trials }) => ({ cell: index, from: 0, to: trials }));

eachBackend('rows on %s', (backend) => {
  async function rows(input: SweepInput): Promise<TrialRow[]> {
    const device = await openDevice(backend, { workers: 1 });
    const out: TrialRow[] = [];
    const made = await plan(input);
    for await (const some of runTrials(made, whole(made), device)) for (const { row } of some) out.push(row);
    return out
      .sort(
        (a, b) => a.rank - b.rank || a.initialization.localeCompare(b.initialization) || a.trial - b.trial,
      )
      .map((row) => ({ ...row, cell: 0 }));
  }

  it('do not depend on chunks, or on what else is swept', async () => {
    const input: SweepInput = {
      spectrum: 'power:1',
      shape: ['9x7'],
      vectors: 'random',
      ranks: [1, 3, 5],
      init: ['kaiming', 'small:0.3'],
      trials: 5,
      time: 8,
      seed: 2 ** 40 + 1,
    };
    const all = await rows(input);
    expect(all).toHaveLength(30);
    for (const other of [
      { chunk: 1 },
      { chunk: 4 },
      { ranks: [5, 1, 3], chunk: 7 },
      { init: ['small:0.3', 'kaiming'] },
    ])
      expect(await rows({ ...input, ...other }), JSON.stringify(other)).toEqual(all);
    const fewer = await rows({ ...input, ranks: [5], init: ['kaiming'], trials: 2 });
    expect(fewer).toEqual(
      all.filter(
        ({ rank, initialization, trial }) => rank === 5 && initialization === 'kaiming' && trial < 2,
      ),
    );
    const otherSeed = await rows({ ...input, seed: 2 ** 40 + 2 });
    for (const [i, row] of otherSeed.entries()) expect(row.loss).not.toBe(all[i]?.loss);
  });
});

describe('summary', () => {
  /** Trials by how they end: outcome, accuracy. */
  const trialsOf = (endings: readonly [Outcome, number][]): Trial[] =>
    endings.map(([outcome, accuracy], trial) => ({
      row: { cell: 0, trial, outcome, accuracy } as TrialRow,
      curve: [outcome === 'diverged' ? null : accuracy],
    }));

  it('counts every trial by outcome, and averages those that did not fail', async () => {
    const one = await plan({ ...small, ranks: [2], time: 1, saveTimes: [1] });
    const endings: [Outcome, number][] = [
      ['end-time', 1],
      ['stationary', 2],
      ['diverged', 1e9],
    ];
    const [cell] = await summarize(
      one,
      columnsOf(trialsOf([...endings, ['step-budget', 5e8], ['step-too-small', 7e8]])),
    );
    expect(cell?.outcomes).toEqual({
      'end-time': 1,
      stationary: 1,
      diverged: 1,
      'step-budget': 1,
      'loss-not-finite': 0,
      'step-too-small': 1,
    });
    expect(cell?.trials).toBe(5);
    expect(cell?.accuracy).toMatchObject({ count: 2, mean: 1.5 });
    expect(cell?.curve[0]?.loss).toMatchObject({ count: 2, mean: 1.5 });
  });

  it('of a sweep that diverges has no accuracy', async () => {
    const diverging = await plan({
      ...small,
      ranks: [2],
      trials: 3,
      method: 'gd-simultaneous',
      step: 50,
      time: 5000,
    });
    const trials: Trial[] = [];
    for await (const some of runTrials(diverging, whole(diverging), await openDevice('cpu', { workers: 1 })))
      for (const trial of some) trials.push(trial);
    const [cell] = await summarize(diverging, columnsOf(trials));
    expect(cell?.outcomes.diverged).toBe(3);
    expect(cell?.accuracy).toMatchObject({ count: 0, mean: NaN });
  });
});

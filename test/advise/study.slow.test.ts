/**
 * A forecast against what training really took: the losses of adapters of one weight of MiniLM, under gradient descent
 * and AdamW, from the starts that they had (fixtures/minilm-layer5).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { forecastSchema, type ForecastConfig } from '../../src/advise/forecast/config.js';
import { forecastOf, type OnSurrogates } from '../../src/advise/forecast/combined.js';
import { fittedTo, pilotTraining } from '../../src/advise/forecast/pilot.js';
import {
  readStatistics,
  type Statistics,
  type WeightStatistics,
} from '../../src/advise/forecast/statistics.js';
import { surrogates, type Surrogate, type SurrogateName } from '../../src/advise/forecast/surrogates.js';
import { train, training, type Trained, type Training } from '../../src/advise/forecast/train.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { leadingColumns } from '../../src/numbers/dense.js';
import { entriesOf, triplesOf, type LowRank, type Operator } from '../../src/numbers/operator.js';
import { symmetricEigen } from '../../src/numbers/symmetric.js';
import { leadingOf } from '../../src/numbers/triples.js';
import { writeStatistics } from './statistics.js';

interface Measured {
  readonly learningRate: number;
  readonly scale: number;
  readonly loss0: number;
  readonly steps: readonly number[];
  readonly measured: Readonly<Record<string, readonly number[]>>;
}

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/minilm-layer5/${name}`, import.meta.url));
const measuredOf = (name: string) => JSON.parse(readFileSync(fixture(name), 'utf8')) as Measured;

/** The symmetric matrix of a lower triangle, row by row. */
function symmetric(triangle: Float64Array, size: number) {
  const data = new Float32Array(size * size);
  let at = 0;
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) data[i * size + j] = data[j * size + i] = triangle[at++]!;
  return { shape: [size, size], data };
}

let statistics: Statistics;
let device: Device;

beforeAll(async () => {
  const stored = readSafetensors(fixture('statistics.safetensors'));
  const { shape, data } = stored.get('G');
  const path = writeStatistics(
    'study.safetensors',
    {
      'layer.G': { shape: [...shape], data: Float32Array.from(data) },
      'layer.H': symmetric(stored.get('H.lower').data, shape[1]!),
      'layer.S': symmetric(stored.get('S.lower').data, shape[0]!),
    },
    stored.metadata,
  );
  statistics = readStatistics(path);
  device = await openDevice('wasm', { workers: 1 });
});

/** The training of a measurement. */
const configOf = (
  { learningRate: lr, scale: alpha, steps, measured }: Measured,
  optimizer: 'sgd' | 'adamw',
): ForecastConfig =>
  forecastSchema.parse({
    ...{ stats: 'study', optimizer, lr, steps: steps.at(-1), ranks: Object.keys(measured).map(Number) },
    ...{ scaling: 'none', alpha, starts: fixture('starts.safetensors') },
  });

/** The training of a measurement, and its simulation on both surrogates. */
async function simulated(
  measured: Measured,
  optimizer: 'sgd' | 'adamw',
  from: Statistics = statistics,
): Promise<{ plan: Training; on: OnSurrogates }> {
  const plan = training(configOf(measured, optimizer), from);
  const [scaled, identity] = surrogates(from);
  // Gradient descent is held against S as the file has it, k = 1.
  const kfac = optimizer === 'sgd' ? scaled.times(1 / scaled.scale) : scaled;
  return {
    plan,
    on: { kfac: await train(plan, kfac, device), identity: await train(plan, identity, device) },
  };
}

/** Shares of the best rank's progress, by rank. */
function sharesOf(losses: readonly number[], loss: number): number[] {
  const drops = losses.map((value) => loss - value);
  return drops.map((drop) => drop / Math.max(...drops));
}

const order = (values: readonly number[]) => [...values.keys()].sort((a, b) => values[a]! - values[b]!);

/** Shares of a measurement and of a simulation after a step. */
function sharesAt(
  { measured, loss0, steps }: Measured,
  plan: Training,
  trained: readonly Trained[],
  step: number,
) {
  const at = [plan.saves.indexOf(step), steps.indexOf(step)] as const;
  expect(Math.min(...at)).toBeGreaterThanOrEqual(0);
  return {
    predicted: sharesOf(
      trained.map(({ losses }) => losses[at[0]]!),
      statistics.loss,
    ),
    real: sharesOf(
      plan.config.ranks.map((rank) => measured[rank]![at[1]]!),
      loss0,
    ),
  };
}

const worst = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe('gradient descent of ranks 1 to 32', () => {
  const measured = measuredOf('sgd.json');
  let made: Awaited<ReturnType<typeof simulated>>;
  beforeAll(async () => void (made = await simulated(measured, 'sgd')));

  // The errors that an independent simulation of the surrogates found, by NumPy, k = 1.
  it.each<[SurrogateName, readonly number[]]>([
    ['kfac', [0.003, 0.03, 0.069, 0.099, 0.106, 0.094]],
    ['identity', [0, 0.003, 0.028, 0.136, 0.175, 0.153]],
  ])('has shares on %s that are off by what is known, and the order of ranks', (name, errors) => {
    [40, 80, 160, 320, 560, 800].forEach((step, i) => {
      const { predicted, real } = sharesAt(measured, made.plan, made.on[name], step);
      expect(Math.abs(worst(predicted, real) - errors[i]!)).toBeLessThan(0.005);
      expect(order(predicted)).toEqual(order(real));
    });
  });

  it('has losses whose middle is at most 1 to 16 % of the progress off, and from step 320 on the truth between', () => {
    const { ranks, steps } = forecastOf(made.plan, statistics, made.on, true);
    // Largest relative errors that an independent simulation found.
    const errors = [0.01, 0.03, 0.06, 0.11, 0.16, 0.16];
    [40, 80, 160, 320, 560, 800].forEach((step, k) => {
      const i = steps.indexOf(step);
      const worstMiddle = ranks.map(({ rank, losses }) => {
        const real = measured.measured[rank]![measured.steps.indexOf(step)]!;
        const { low, middle, high } = losses![i]!;
        if (step >= 320) expect([low < real, real < high]).toEqual([true, true]);
        return Math.abs((real - middle) / (measured.loss0 - real));
      });
      expect(Math.max(...worstMiddle)).toBeLessThan(errors[k]! + 0.01);
    });
  });

  it('parts ranks from rank 32 within 10 % of the step at which they parted', () => {
    // Behind rank 32 by 5 % of the loss at W0, between the steps that were measured.
    const parted = { 1: 52.7, 2: 54.3, 4: 56.4, 8: 73.1 };
    const { ranks } = forecastOf(made.plan, statistics, made.on, false);
    for (const [rank, step] of Object.entries(parted)) {
      const { first, last } = ranks.find((each) => each.rank === Number(rank))!.behindAt;
      for (const told of [first, last]) expect(Math.abs(told! / step - 1)).toBeLessThan(0.1);
    }
  });

  it('tells shares to the end, and losses for a tenth of the steps, as far as the surrogates agree', () => {
    const { limit, agreeTo } = forecastOf(made.plan, statistics, made.on, false);
    expect({ limit, shares: agreeTo.shares }).toEqual({ limit: 'end', shares: 800 });
    expect(agreeTo.losses).toBeGreaterThanOrEqual(70);
    expect(agreeTo.losses).toBeLessThanOrEqual(90);
  });
});

describe('a pilot of rank 8 over 240 of 800 steps', () => {
  it('carries losses to the end, within 22 % of the progress of every rank', async () => {
    const measured = measuredOf('sgd.json');
    const { measured: losses, steps, loss0 } = measured;
    const config = configOf(measured, 'sgd');
    const begun = steps.flatMap((step, i) =>
      step > 0 && step <= 240 ? [[step, losses[8]![i]!] as const] : [],
    );
    const pilot = {
      path: 'made up',
      rank: 8,
      steps: begun.map(([step]) => step),
      losses: begun.map(([, loss]) => loss),
    };
    const plan = training(config, statistics);
    const by = pilotTraining(pilot, config, statistics);
    const [kfac, identity] = surrogates(statistics);
    const fitted = (own: Surrogate) => fittedTo(pilot, own, (surrogate) => train(by, surrogate, device));
    const on = {
      kfac: await train(plan, await fitted(kfac), device),
      identity: await train(plan, await fitted(identity), device),
    };
    const told = forecastOf(plan, statistics, on, true);
    expect(told.limit).toBe('end');
    for (const step of [80, 160, 240, 320, 560, 800])
      for (const { rank, losses: bands } of told.ranks) {
        const { middle } = bands[told.steps.indexOf(step)]!;
        const drop = loss0 - losses[rank]![steps.indexOf(step)]!;
        expect(Math.abs((loss0 - middle) / drop - 1)).toBeLessThan(0.22);
      }
  });
});

/** The statistics by their leading directions, as the script writes them with --rank. */
function byDirections(count: number): Statistics {
  const [{ name, gradient, outputCovariance, covariance }] = statistics.weights as readonly [
    WeightStatistics,
  ];
  const { left, sigma: weights, right } = leadingOf(triplesOf(gradient), count);
  const moment = (a: Operator): LowRank => {
    const { values, vectors } = symmetricEigen(entriesOf(a));
    const rest = values.subarray(count).reduce((sum, value) => sum + value, 0);
    const shift = rest / (a.rows - count);
    const columns = leadingColumns(vectors, count);
    const above = values.slice(0, count).map((value) => value - shift);
    return { rows: a.rows, cols: a.cols, shift, left: columns, weights: above, right: columns };
  };
  const weight = {
    name,
    gradient: { rows: left.rows, cols: right.rows, shift: 0, left, weights, right },
    outputCovariance: moment(outputCovariance),
    covariance: moment(covariance),
  };
  return { ...statistics, weights: [weight] };
}

describe('AdamW of ranks 1, 4 and 16', () => {
  const measured = measuredOf('adamw.json');
  let whole: Awaited<ReturnType<typeof simulated>>;
  beforeAll(async () => void (whole = await simulated(measured, 'adamw')));

  it('has on 128 of 384 directions shares that are within 0.04 of those on all', async () => {
    const few = await simulated(measured, 'adamw', byDirections(128));
    const shares = (trained: readonly Trained[], at: number) =>
      sharesOf(
        trained.map(({ losses }) => losses[at]!),
        statistics.loss,
      );
    const off = (['kfac', 'identity'] as const).map((name) =>
      Math.max(
        ...whole.plan.saves.map((_, at) => worst(shares(few.on[name], at), shares(whole.on[name], at))),
      ),
    );
    // H has no more directions; those of S hold half of its trace, which S = c I does not take.
    expect(off[0]).toBeLessThan(0.04);
    expect(off[0]).toBeGreaterThan(0.001);
    expect(off[1]).toBeLessThan(1e-6);
  });

  it('has shares that are off by at most 0.055', () => {
    const { plan, on } = whole;
    const errors = [20, 50, 100, 150].map((step) => {
      const { predicted, real } = sharesAt(measured, plan, on.kfac, step);
      expect(order(predicted)).toEqual(order(real));
      return worst(predicted, real);
    });
    expect(Math.max(...errors)).toBeLessThanOrEqual(0.055);
    // Those that an independent simulation found.
    [0.051, 0.043, 0.029, 0.019].forEach((error, i) =>
      expect(Math.abs(errors[i]! - error)).toBeLessThan(0.005),
    );
  });
});

/**
 * What `targetCi` promises: that the interval at which a cell stops holds the mean with 95 % probability, over 1,000
 * simulated cells, of normal, of skewed values, and of accuracies that sweeps have.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../src/input/checkConfig.js';
import { normals, uniforms } from '../src/numbers/philox.js';
import { Agenda } from '../src/run/agenda.js';
import { chunksOf, trialsOf } from '../src/sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { lookLevel, looksOf } from '../src/sweep/looks.js';
import { makePlan } from '../src/sweep/plan.js';
import { statistic } from '../src/numbers/statistics.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { runTrials } from '../src/run/trials.js';

let device: Device;
beforeAll(async () => void (device = await openDevice('wasm', { workers: 1 })));

const RUNS = 1000;
const TRIALS = 1024;

/** The least of 1,000 that is within three standard deviations of 950. */
const LEAST = 0.95 - 3 * Math.sqrt((0.95 * 0.05) / RUNS);

const planOf = (input: SweepInput) => makePlan(checkConfig(sweepSchema, input));

/** Draws of one cell's accuracies, by the number of the run. */
type Draw = (run: number) => Float64Array;

const normal: Draw = (run) => normals(TRIALS, { seed: run, rank: 1, trial: 0 }, 'mixing');

const laws: Readonly<Record<string, { readonly mean: number; readonly sd: number; readonly draw: Draw }>> = {
  normal: { mean: 2, sd: 1, draw: (run) => normal(run).map((z) => 2 + z) },
  exponential: {
    ...{ mean: 1, sd: 1 },
    draw: (run) => uniforms(TRIALS, { seed: run, rank: 1, trial: 0 }, 'mixing').map((u) => -Math.log1p(-u)),
  },
  'half normal': {
    ...{ mean: Math.sqrt(2 / Math.PI), sd: Math.sqrt(1 - 2 / Math.PI) },
    draw: (run) => normal(run).map(Math.abs),
  },
  lognormal: {
    ...{ mean: Math.exp(0.5), sd: Math.sqrt((Math.E - 1) * Math.E) },
    draw: (run) => normal(run).map(Math.exp),
  },
};

/** Share of runs whose interval at the stop holds the mean, with a target that about so many trials reach. */
async function coverage({ mean, draw, sd }: (typeof laws)[string], needed: number, runs = RUNS) {
  const targetCi = (1.96 * sd) / Math.sqrt(needed) / mean;
  const input: SweepInput = { spectrum: 'power:1', shape: ['4x4'], ranks: [1], trials: TRIALS };
  const plan = await planOf({ ...input, targetCi });
  const chunks = chunksOf(plan);
  let [held, trials] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const values = draw(run);
    const agenda = new Agenda(plan, chunks);
    for (let next = agenda.next(); next.length > 0; next = agenda.next())
      for (const chunk of next)
        agenda.add(chunk, [...values.subarray(chunk.spans[0]!.from, chunk.spans[0]!.to)]);
    const used = agenda.needed().reduce((sum, chunk) => sum + trialsOf(chunk), 0);
    const { ciLow, ciHigh } = statistic(values.subarray(0, used), lookLevel(TRIALS));
    if (ciLow <= mean && mean <= ciHigh) held++;
    trials += used;
  }
  return { share: held / runs, trials: trials / runs };
}

describe('the interval of a cell that stops when it is narrow', () => {
  it.each(Object.keys(laws).flatMap((name) => [40, 100, 250].map((needed) => [name, needed] as const)))(
    'holds the mean of %s values, of which about %i give the target',
    async (name, needed) => {
      const { share, trials } = await coverage(laws[name]!, needed);
      expect(share).toBeGreaterThan(LEAST);
      // It does stop, and does not ask for many times as many as are needed.
      expect(trials).toBeLessThan(Math.max(128, 3.2 * needed));
    },
    60_000,
  );

  it.each([
    ['distances of the trace-squared loss', { loss: ['trace-squared'], init: ['gaussian'], ranks: [2] }],
    ['relative errors on the way', { time: 2, ranks: [2] }],
    ['relative errors of small starts on the way', { time: 6, init: ['small:1e-2'], ranks: [2] }],
  ])(
    'holds the mean of %s',
    async (_, input) => {
      const common = {
        spectrum: 'power:1',
        shape: ['6x6'],
        trials: 4000,
        backend: 'wasm',
        workers: 1,
      } as const;
      const plan = await planOf({ ...common, shape: ['6x6'], ...input });
      const all: number[] = [];
      for await (const some of runTrials(plan, [{ cell: 0, from: 0, to: 4000 }], device))
        for (const { row } of some) all.push(row.accuracy);
      const { mean, sd } = statistic(all);
      // With replacement from a population whose mean is known.
      const draw: Draw = (run) =>
        uniforms(TRIALS, { seed: run, rank: 2, trial: 0 }, 'mixing').map(
          (u) => all[Math.floor(u * all.length)]!,
        );
      for (const needed of [40, 100])
        expect((await coverage({ mean, sd, draw }, needed)).share).toBeGreaterThan(LEAST);
    },
    60_000,
  );
});

describe('looks', () => {
  it('are at 64, 128, ... and all trials, and share 5 %', () => {
    expect(looksOf(1000)).toEqual([64, 128, 256, 512, 1000]);
    expect(looksOf(64)).toEqual([64]);
    expect(looksOf(5)).toEqual([5]);
    expect(lookLevel(1000)).toBeCloseTo(0.99, 12);
    expect(lookLevel(64)).toBe(0.95);
  });

  it('are where chunks end, however small those are', async () => {
    const plan = await planOf({
      ...{ spectrum: 'power:1', shape: ['512x512'], ranks: [32], trials: 300, targetCi: 0.1 },
    });
    const chunks = chunksOf(plan);
    const ends = chunks.map(({ spans }) => spans[0]!.to);
    expect(chunks.length).toBeGreaterThan(looksOf(300).length);
    for (const look of looksOf(300)) expect(ends).toContain(look);
    // All chunks before a look can be computed together.
    const agenda = new Agenda(plan, chunks);
    expect(
      agenda
        .next()
        .map(trialsOf)
        .reduce((a, b) => a + b),
    ).toBe(64);
  });
});

/** When a trajectory came near the optimum: a bracket that holds the closed form's time, whatever the save times. */
import { beforeAll, describe, expect, it } from 'vitest';
import { clock } from '../src/flow/normalization.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { closedForm } from '../src/problem/closedForm.js';
import { timeToOptimumFigure, renderSvg } from '../src/report/plots.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { member } from '../src/ensemble/member.js';
import { makePlan } from '../src/sweep/plan.js';
import { sweep } from '../src/run/sweep.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { runTrials } from '../src/run/trials.js';

let device: Device;
beforeAll(async () => void (device = await openDevice('wasm', { workers: 1 })));

const config = (input: SweepInput) => checkConfig(sweepSchema, { backend: 'wasm', workers: 1, ...input });

/** First time at which the closed form of a trial is within 1 % of the optimum's relative error and 0.1 % of 1. */
async function exactTime(input: SweepInput, trial: number): Promise<number> {
  const { cells, config: resolved } = await makePlan(config(input));
  const { problem, rank, coefficients } = cells[0]!;
  const path = closedForm(problem, member(cells[0]!, trial, resolved.seed).initial())!;
  const goal = 1.01 ** 2 * problem.optimum(rank)! + 1e-6 * problem.initialLoss!;
  let [low, high] = [0, 1e4];
  for (let k = 0; k < 200; k++) {
    const middle = (low + high) / 2;
    if (path.loss(clock(coefficients) * middle) > goal) low = middle;
    else high = middle;
  }
  return high;
}

async function rowsOf(input: SweepInput) {
  const plan = await makePlan(config(input));
  const rows = [];
  for await (const some of runTrials(plan, [{ cell: 0, from: 0, to: 2 }], device))
    for (const { row } of some) rows.push(row);
  return rows.sort((a, b) => a.trial - b.trial);
}

const problems = {
  'a law above 0': { spectrum: 'power:1', shape: ['12x12'], ranks: [3], init: ['balanced:0.1'], trials: 2 },
  'law 0': { spectrum: 'power:1', shape: ['8x8'], ranks: [8], init: ['balanced:0.5'], trials: 2 },
  'the trace-squared loss': {
    ...{ loss: ['trace-squared'], spectrum: 'power:1', shape: ['8x8'], ranks: [3], init: ['gaussian'] },
    trials: 2,
  },
} satisfies Record<string, SweepInput>;

const grids = {
  'two times': [0.01, 2000],
  'many times': Array.from({ length: 120 }, (_, i) => 0.01 * (2000 / 0.01) ** (i / 119)),
};

describe.each(Object.entries(problems))('the time to the optimum with %s', (_, input) => {
  it.each(Object.entries(grids))('lies between two observations, with %s', async (__, saveTimes) => {
    for (const row of await rowsOf({
      ...input,
      saveTimes,
      time: 2000,
      steady: 1e-5,
      rtol: 1e-7,
      precision: 'float64',
    })) {
      const exact = await exactTime(input, row.trial);
      expect(row.time_to_optimum_after).toBeLessThanOrEqual(exact * (1 + 1e-4));
      expect(row.time_to_optimum_by).toBeGreaterThanOrEqual(exact * (1 - 1e-4));
      if (saveTimes.length > 2)
        expect(row.time_to_optimum_by! / row.time_to_optimum_after!).toBeLessThan(1.2);
    }
  });
});

describe('a time to the optimum', () => {
  it('that is not reached is later than the last observation, and left out of the statistics', async () => {
    const input: SweepInput = { ...problems['a law above 0'], time: 0.5, saveTimes: [0.1, 0.5] };
    for (const row of await rowsOf(input))
      expect(row).toMatchObject({ time_to_optimum_after: 0.5, time_to_optimum_by: null });
    const [cell] = await sweep({ backend: 'wasm', workers: 1, ...input });
    expect(cell?.timeToOptimumBy).toMatchObject({ count: 0, leftOut: 2 });
    expect(cell?.timeToOptimumAfter).toMatchObject({ count: 0, leftOut: 2 });
  });

  it('that is before the first observation is after 0', async () => {
    for (const row of await rowsOf({ ...problems['a law above 0'], time: 2000, saveTimes: [2000] })) {
      expect(row.time_to_optimum_after).toBe(0);
      expect(row.time_to_optimum_by).toBe(2000);
    }
  });

  it('is drawn as an interval', async () => {
    const cells = await sweep({
      ...{ backend: 'wasm', workers: 1, ...problems['a law above 0'], ranks: [1, 2, 3] },
      ...{ trials: 8, time: 2000, saveTimes: [1, 30, 2000], steady: 1e-5 },
    });
    for (const { timeToOptimumAfter: after, timeToOptimumBy: by } of cells) {
      expect(after.count).toBe(by.count);
      expect(after.p50).toBeLessThan(by.p50);
    }
    const svg = await renderSvg(timeToOptimumFigure(cells).spec);
    // A wide bar between the medians and a thin one around it, of each cell.
    const bars = (width: string) => svg.match(new RegExp(`<line[^>]*stroke-width="${width}"`, 'g')) ?? [];
    expect([bars('6').length, bars('1.5').length]).toEqual([3, 3]);
    // A legend says which is which, if there are any.
    const key = ['median, between two save times', '5–95 %'];
    const texts = (drawing: string) => key.filter((text) => drawing.includes(`>${text}</text>`));
    expect(texts(svg)).toEqual(key);
    const nowhere = cells.map((cell) => {
      const { timeToOptimumAfter, timeToOptimumBy } = cell;
      const absent = { p05: NaN, p50: NaN, p95: NaN, count: 0 };
      return {
        ...cell,
        timeToOptimumAfter: { ...timeToOptimumAfter, ...absent },
        timeToOptimumBy: { ...timeToOptimumBy, ...absent },
      };
    });
    expect(texts(await renderSvg(timeToOptimumFigure(nowhere).spec))).toEqual([]);
  });
});

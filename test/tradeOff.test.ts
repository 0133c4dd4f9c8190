/** Intervals over draws of the target, and which rank and time are best. */
import { describe, expect, it } from 'vitest';
import { bootstrapInterval, RESAMPLES, resampledMeans } from '../src/numbers/bootstrap.js';
import { normals } from '../src/numbers/philox.js';
import { sweep } from '../src/run/sweep.js';
import { byDraw, meansOver, statisticOver } from '../src/sweep/draws.js';
import { tradeOffs } from '../src/sweep/tradeOff.js';
import { around, cellOf } from './report/support.js';

const normal = (run: number, count: number) => normals(count, { seed: run, rank: 1, trial: 0 }, 'mixing');

describe('the bootstrap', () => {
  it.each([5, 8, 32])('of %d values holds the mean as often as it says', (count) => {
    const runs = 400;
    let held = 0;
    for (let run = 0; run < runs; run++) {
      const [low, high] = bootstrapInterval(normal(run, count));
      held += Number(low <= 0 && high >= 0);
    }
    // Hesterberg's expansion leaves 92 to 95 % of normal values; three standard deviations of 400 runs are 3 %.
    expect(held / runs).toBeGreaterThan(0.89);
    expect(held / runs).toBeLessThan(0.985);
  });

  it('is as wide as Student’s t of normal values, and not as the plain percentiles', () => {
    const widths = Array.from({ length: 100 }, (_, run) => {
      const [low, high] = bootstrapInterval(normal(run, 8));
      return high - low;
    });
    // 2 t(7) E(s) / sqrt(8) = 2 x 2.365 x 0.965 / 2.83 = 1.61; plain percentiles would give 2 x 1.96 x 0.9 / 2.83 = 1.25.
    const mean = widths.reduce((sum, width) => sum + width, 0) / widths.length;
    expect(mean).toBeGreaterThan(1.4);
    expect(mean).toBeLessThan(1.75);
  });

  it('takes the same resamples of as many units', () => {
    const values = normal(3, 12);
    const means = resampledMeans(values);
    expect(means).toHaveLength(RESAMPLES);
    const doubled = resampledMeans(values.map((value) => 2 * value));
    means.forEach((mean, b) => expect(doubled[b]! - 2 * mean).toBeCloseTo(0, 14));
    expect(new Set(means).size).toBeGreaterThan(0.9 * RESAMPLES);
    expect(bootstrapInterval([1])).toEqual([NaN, NaN]);
    expect(bootstrapInterval([1, 3])).toEqual([1, 3]);
    const [low, high] = bootstrapInterval(normal(4, 20_000));
    expect(high - low).toBeCloseTo((2 * 1.96) / Math.sqrt(20_000), 3);
  });
});

describe('statistics over draws', () => {
  // Three draws of two starts: the starts of a draw differ by 0.02, draws by more.
  const draws = Float64Array.of(0, 0, 1, 1, 2, 2);
  const values = Float64Array.of(1, 1.02, 2, 2.02, 4, 4.02);
  const grouped = byDraw(draws, 3);

  it('are of draws, not of their trials', () => {
    expect(meansOver(grouped, values).map((mean) => mean.toFixed(4))).toEqual(['1.0100', '2.0100', '4.0100']);
    const over = statisticOver(grouped)(values);
    const asIfIndependent = statisticOver(null)(values);
    expect(over.count).toBe(6);
    expect(over.mean).toBeCloseTo(7.03 / 3, 12);
    // Three draws: their whole range, where six independent trials would be of a narrower one.
    expect([over.ciLow, over.ciHigh].map((value) => value.toFixed(2))).toEqual(['1.01', '4.01']);
    expect(asIfIndependent.ciHigh - asIfIndependent.ciLow).toBeLessThan(3);
  });

  it('leave out trials that failed, and draws of which all did', () => {
    const some = Float64Array.of(1, NaN, NaN, NaN, 4, 4.02);
    expect(meansOver(grouped, some)).toEqual([1, NaN, expect.closeTo(4.01, 12)]);
    expect(statisticOver(grouped)(some).mean).toBeCloseTo((1 + 4.01) / 2, 12);
  });
});

describe('the trade-off of ranks', () => {
  // By draw the ends of ranks 1, 2 and 4; rank 2 is the best on the mean, rank 4 in one draw of four, and stopped early.
  const ends: Record<number, number[]> = { 1: [5, 5, 5, 5], 2: [3, 3.2, 3.1, 3.3], 4: [4, 4.1, 3, 4.2] };
  const early: Record<number, number[]> = { 1: [6, 6, 6, 6], 2: [4, 4, 4, 4], 4: [2, 2.1, 2.2, 2.3] };
  const cells = [4, 1, 2].map((rank, cell) => {
    const point = (time: number, risks: number[]) => ({
      ...{ time, loss: around(1), closedForm: null, closedFormRisk: null, fullFineTuning: null },
      ...{ risk: around(risks[0]!), riskByDraw: risks, fullFineTuningRisk: null },
    });
    return cellOf(rank, {
      ...{ cell, draws: 4, noise: 1, risk: around(1), riskRelative: around(1), riskScale: 10 },
      riskByDraw: ends[rank]!,
      curve: [point(0.5, early[rank]!), point(8, ends[rank]!)],
    });
  });

  it('says which is best, how surely, when to stop, and the best of both', () => {
    const [tradeOff, ...others] = tradeOffs(cells);
    expect(others).toEqual([]);
    expect(tradeOff).toMatchObject({ n: 16, m: 12, noise: 1, draws: 4 });
    expect(tradeOff!.ranks.map(({ rank, shareOfDraws }) => [rank, shareOfDraws])).toEqual([
      [1, 0],
      [2, 0.75],
      [4, 0.25],
    ]);
    expect(tradeOff!.best).toMatchObject({ rank: 2, cell: 2 });
    expect(tradeOff!.best.risk.mean).toBeCloseTo(3.15, 12);
    expect(tradeOff!.best.risk.relative).toBeCloseTo(0.315, 12);
    // Rank 4 is better in a resample whose draws are the third alone, three quarters of it, ...: (1/4)^4 and a few more.
    const shares = tradeOff!.ranks.map(({ shareOfResamples }) => shareOfResamples);
    expect(shares[0]).toBe(0);
    expect(shares[1]! + shares[2]!).toBeCloseTo(1, 12);
    expect(shares[2]).toBeGreaterThan(0);
    expect(shares[2]).toBeLessThan(0.05);
    expect(tradeOff!.plausible).toContain(2);
    expect(tradeOff!.bestAtTimes.map(({ time, rank }) => [time, rank])).toEqual([
      [0.5, 4],
      [8, 2],
    ]);
    expect(tradeOff!.ranks.map(({ bestStop: { time, isLast } }) => [time, isLast])).toEqual([
      [8, true],
      [8, true],
      [0.5, false],
    ]);
    expect(tradeOff!.bestPair).toMatchObject({ rank: 4, time: 0.5, timeLow: 0.5, timeHigh: 0.5 });
    expect(tradeOff!.bestPair.shareOfResamples).toBe(1);
  });

  it('is of draws that all ranks have seen, and of one has no interval', () => {
    const lost = cells.map((cell) => ({ ...cell, riskByDraw: [NaN, ...cell.riskByDraw.slice(1)] }));
    expect(tradeOffs([lost[0]!, ...cells.slice(1)])[0]!.draws).toBe(3);
    const one = cells.map((cell) => ({
      ...cell,
      riskByDraw: cell.riskByDraw.slice(0, 1),
      curve: cell.curve.map((point) => ({ ...point, riskByDraw: point.riskByDraw.slice(0, 1) })),
    }));
    const [tradeOff] = tradeOffs(one);
    expect(tradeOff!.best).toMatchObject({ rank: 2, shareOfDraws: 1, shareOfResamples: NaN });
    expect(tradeOff!.best.risk.ciLow).toBeNaN();
  });

  it.each([{ draws: 6 }, { draws: 200, targetCi: 0.5 }])(
    'has the intervals of the cells of %o',
    async (stop) => {
      const cells = await sweep({
        ...{ spectrum: [2], shape: ['6x5'], noise: 0.5, ranks: [1, 2], trials: 1, seed: 5, ...stop },
        ...{ time: 2, saveTimes: [1], backend: 'cpu', workers: 1 },
      });
      const [{ ranks }] = tradeOffs(cells) as [ReturnType<typeof tradeOffs>[number]];
      const interval = (risk: { readonly ciLow: number; readonly ciHigh: number }) => [
        risk.ciLow,
        risk.ciHigh,
      ];
      expect(ranks.map(({ risk }) => interval(risk))).toEqual(cells.map(({ risk }) => interval(risk!)));
    },
  );

  it('is of settings with a risk and more than one rank', () => {
    expect(tradeOffs([cellOf(1), cellOf(2)])).toEqual([]);
    expect(tradeOffs(cells.slice(0, 1))).toEqual([]);
    const other = cells.map((cell) => ({ ...cell, initialization: 'spectral' }));
    expect(tradeOffs([...cells, ...other])).toHaveLength(2);
  });
});

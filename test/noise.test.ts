/** Noise on the target: its draws, the risk, and statistics over draws. */
import { describe, expect, it } from 'vitest';
import { gradientFlow, symmetriesOf } from '../src/flow/flow.js';
import { InputError } from '../src/host/inputError.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { dense, difference, type Dense } from '../src/numbers/dense.js';
import { dot } from '../src/numbers/gram.js';
import { normals } from '../src/numbers/philox.js';
import { multiply } from '../src/numbers/products.js';
import { statistic } from '../src/numbers/statistics.js';
import { intoFrame } from '../src/problem/factors.js';
import { frobeniusLoss } from '../src/problem/frobenius.js';
import { addNoise } from '../src/problem/noise.js';
import { riskAt, riskOf } from '../src/problem/risk.js';
import { atDraw, readSource } from '../src/problem/source.js';
import { sweepTable } from '../src/report/table.js';
import { sweep } from '../src/run/sweep.js';
import { runTrials } from '../src/run/trials.js';
import { openDevice } from '../src/solver/device.js';
import { chunksOf } from '../src/sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { makePlan, totalTrials, type Cell } from '../src/sweep/plan.js';
import type { Trial } from '../src/sweep/row.js';
import { covariance, gaussian, product } from './support.js';
import { noisyFullFineTuning } from '../src/theory/noisyFullFineTuning.js';

const squares = ({ data }: Dense): number => data.reduce((sum, value) => sum + value * value, 0);

const noisy: SweepInput = {
  ...{ spectrum: [2, 1], shape: ['8x6'], noise: 0.5, draws: 3, ranks: [1, 2, 4], trials: 2, seed: 5 },
  ...{ time: 4, saveTimes: [0.5, 2, 4], backend: 'wasm', workers: 1, rtol: 1e-4 },
};

const planOf = (input: SweepInput) => makePlan(checkConfig(sweepSchema, input));

async function trialsOf(input: SweepInput, order = (chunks: ReturnType<typeof chunksOf>) => chunks) {
  const plan = await planOf(input);
  const device = await openDevice('wasm', { workers: 1 });
  const trials: Trial[] = [];
  for (const { spans } of order([...chunksOf(plan)]))
    for await (const some of runTrials(plan, spans, device)) for (const trial of some) trials.push(trial);
  const key = ({ row }: Trial) => [row.rank, row.draw, row.trial].join(' ');
  return trials.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

const byRotation = symmetriesOf(gradientFlow);
const shape = { n: 7, m: 5 };

describe('noise', () => {
  it('has independent entries N(0, tau^2 / m), of the seed and the draw alone', () => {
    const draws = Array.from({ length: 8 }, (_, draw) => addNoise(dense(40, 90), 1.5, { seed: 3, draw }));
    // 28,800 squares, whose mean is known to sqrt(2 / 28,800) = 0.8 %: five times that.
    const mean = draws.reduce((sum, z) => sum + squares(z), 0) / (8 * 40);
    expect(Math.abs(mean / 1.5 ** 2 - 1)).toBeLessThan(0.04);
    expect(addNoise(dense(40, 90), 1.5, { seed: 3, draw: 2 })).toEqual(draws[2]);
    // Overlaps of independent draws are of standard deviation 1 / sqrt(3,600).
    for (const [i, a] of draws.entries())
      for (const b of draws.slice(i + 1))
        expect(Math.abs(dot(a.data, b.data) / Math.sqrt(squares(a) * squares(b)))).toBeLessThan(5 / 60);
  });

  it('is added to the target that training sees, and the risk is against the clean one', () => {
    const target = gaussian(7, 5, 1);
    const source = { ...readSource({ spectrum: [1], noise: 0.5, seed: 9 }), target };
    const spec = { noise: 0.5, seed: 9 };
    for (const draw of [0, 1]) {
      const problem = frobeniusLoss.problem({ ...source, spec, draw }, shape, null, byRotation);
      const seen = addNoise(dense(7, 5, target.data.slice()), 0.5, { seed: 9, draw });
      expect(problem.initialLoss! / (squares(seen) / 2)).toBeCloseTo(1, 12);
      const factors = { x: gaussian(7, 2, 2), y: gaussian(5, 2, 3) };
      const risk = riskAt(problem.risk!)(intoFrame(factors, problem.frame));
      expect(risk / squares(difference(product(factors), target))).toBeCloseTo(1, 12);
      expect(problem.risk!.scale / squares(target)).toBeCloseTo(1, 12);
    }
  });

  it('of full fine-tuning is learnt as the closed form of the draw, and of the mean, says', () => {
    const spec = { spectrum: [3, 2], noise: 0.7, seed: 4 } as const;
    const size = { n: 12, m: 30 };
    const risks = Array.from({ length: 200 }, (_, draw) => {
      const problem = frobeniusLoss.problem(atDraw(readSource(spec), draw), size, null, byRotation);
      return problem.fullFineTuningRisk!(0.8);
    });
    const clean = dense(12, 30);
    [clean.data[0], clean.data[31]] = [3, 2];
    const seen = addNoise(dense(12, 30, clean.data.slice()), 0.7, { seed: 4, draw: 0 });
    const update = seen.data.map((value) => (1 - Math.exp(-0.8)) * value);
    const { data: left } = difference(dense(12, 30, update), clean);
    expect(risks[0]! / dot(left, left)).toBeCloseTo(1, 12);
    const { mean, sd } = statistic(risks);
    const law = noisyFullFineTuning({ errorSquares: 13, noiseSquares: 0.7 ** 2 * size.n });
    expect(Math.abs(mean - law.risk(0.8))).toBeLessThan((4 * sd) / Math.sqrt(200));
  });
});

describe('the risk', () => {
  const [x, y] = [gaussian(7, 2, 4), gaussian(5, 2, 5)];
  const [c, h] = [gaussian(7, 5, 6), covariance(5, 7)];
  const weighted = (d: Dense) => dot(d.data, multiply(d, h).data);

  it.each([
    ['of a matrix', riskOf(c), squares(difference(product({ x, y }), c))],
    ['of a matrix, weighted', riskOf(c, h), weighted(difference(product({ x, y }), c))],
    [
      'of factors, weighted',
      riskOf({ x: gaussian(7, 3, 8), y: gaussian(5, 3, 9) }, h),
      weighted(difference(product({ x, y }), product({ x: gaussian(7, 3, 8), y: gaussian(5, 3, 9) }))),
    ],
  ])('%s is the squared distance', (_, risk, expected) => {
    expect(riskAt(risk)({ x, y }) / expected).toBeCloseTo(1, 12);
  });

  it('keeps its digits where it is small', () => {
    const near = {
      x,
      y: dense(
        5,
        2,
        y.data.map((value, i) => value * (1 + 1e-7 * (i % 3))),
      ),
    };
    const exact = squares(difference(product(near), product({ x, y })));
    expect(riskAt(riskOf({ x, y }))(near) / exact).toBeCloseTo(1, 7);
    expect(riskAt(riskOf(product({ x, y })))(near) / exact).toBeCloseTo(1, 7);
  });

  it('is twice the loss without noise, and grows with noise above it', async () => {
    const [silent, loud] = await Promise.all([trialsOf({ ...noisy, noise: 0 }), trialsOf(noisy)]);
    for (const { row, curve, riskCurve } of silent) {
      expect(Math.abs(row.risk! - 2 * row.loss)).toBeLessThan(1e-12 * row.risk! + 1e-14);
      riskCurve!.forEach((risk, k) => expect(Math.abs(risk! - 2 * curve[k]!)).toBeLessThan(1e-12 * 5));
    }
    expect(loud.some(({ row }) => Math.abs(row.risk! - 2 * row.loss) > 0.1)).toBe(true);
  });
});

describe('draws of the target', () => {
  it('have independent starts, and trials that depend on nothing else', async () => {
    const all = await trialsOf(noisy);
    expect(all).toHaveLength(3 * 3 * 2);
    expect(await trialsOf(noisy, (chunks) => chunks.reverse())).toEqual(all);
    expect(await trialsOf({ ...noisy, chunk: 1 })).toEqual(all);
    const alone = await trialsOf({ ...noisy, ranks: [2], draws: 2, trials: 1 });
    const same = all.filter(({ row }) => row.rank === 2 && row.draw < 2 && row.trial === 0);
    expect(alone).toEqual(same.map(({ row, ...rest }) => ({ ...rest, row: { ...row, cell: 0 } })));
    const starts = new Set(
      [0, 1, 2].map((draw) => normals(1, { seed: 5, rank: 2, trial: 0, draw }, 'loraA')[0]),
    );
    expect(starts.size).toBe(3);
  });

  it('share one problem, draw by draw, and every trial is in one chunk', async () => {
    const plan = await planOf(noisy);
    const [one, other] = plan.cells as [Cell, Cell];
    const [first, second] = [await one.at(1), await other.at(1)];
    expect(first.problem).toBe(second.problem);
    expect((await one.at(2)).problem).not.toBe(first.problem);
    expect(await one.at(0)).toBe(one);
    const spans = chunksOf(plan).flatMap((chunk) => chunk.spans);
    expect(spans.map(({ cell, draw = 0 }) => [draw, cell])).toEqual(
      [0, 1, 2].flatMap((draw) => [0, 1, 2].map((cell) => [draw, cell])),
    );
    expect(totalTrials(plan)).toBe(18);
  });

  it('are added until the interval of the risk is narrow', async () => {
    const loose = await sweep({ ...noisy, draws: 200, ranks: [1], targetCi: 0.2 });
    expect(loose[0]!.riskByDraw).toHaveLength(64);
    expect(loose[0]!.draws).toBe(64);
    expect(sweepTable(loose)).toContain('64 draws of the target, each with 2 starts');
    const tight = await sweep({ ...noisy, draws: 70, ranks: [1], trials: 1, targetCi: 1e-4 });
    expect(tight[0]!.riskByDraw).toHaveLength(70);
  });

  it.each<[Partial<SweepInput>, RegExp]>([
    [{ draws: 2 }, /invalid draws: 2.*without noise or samples/],
    [{ noise: 1, loss: ['trace-squared'], shape: ['5x5'] }, /invalid noise: 1.*trace-squared.*frobenius/],
    [{ noise: 1, loss: ['linear-regression'], covariance: 'power:1' }, /linear-regression/],
    [{ samples: 5 }, /invalid samples: 5.*frobenius.*linear-regression/],
    [{ noise: 1, samples: 5, loss: ['linear-regression'], covariance: 'power:1' }, /left out with samples/],
    [{ labelNoise: 1 }, /invalid labelNoise: 1.*samples/],
    [{ noise: -1 }, /noise/],
  ])('of %o are refused', async (input, reason) => {
    const plan = (): Promise<unknown> => planOf({ spectrum: [2, 1], shape: ['8x6'], ranks: [1], ...input });
    await expect(Promise.resolve().then(plan)).rejects.toThrow(InputError);
    await expect(Promise.resolve().then(plan)).rejects.toThrow(reason);
  });
});

/** Forecasts from statistics by leading directions: as from the same matrices spelled out, and as much is said of them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { forecastSchema, type ForecastInput } from '../../src/advise/forecast/config.js';
import { forecastCautions } from '../../src/advise/forecast/report.js';
import { readStatistics, type WeightStatistics } from '../../src/advise/forecast/statistics.js';
import { surrogates } from '../../src/advise/forecast/surrogates.js';
import { train, training } from '../../src/advise/forecast/train.js';
import { forecast } from '../../src/advise/forecast.js';
import { isLowRank, type Operator } from '../../src/numbers/operator.js';
import { qr } from '../../src/numbers/qr.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { fewDirections, gaussian, spelledOut } from '../support.js';
import { gradientTensors, momentTensors, statisticsOf, writeStatistics } from './statistics.js';

const [n, m] = [12, 9];
/** Statistics by so many directions of G, S and H. */
const few = (g: number, s: number, h: number) => ({
  name: 'layer',
  gradient: fewDirections(n, m, g, 1),
  outputCovariance: fewDirections(n, n, s, 3, true),
  covariance: fewDirections(m, m, h, 4, true),
});
const entries = (a: Operator) => (isLowRank(a) ? spelledOut(a) : a);
const whole = ({ name, gradient, outputCovariance, covariance }: WeightStatistics): WeightStatistics => ({
  name,
  gradient: entries(gradient),
  outputCovariance: entries(outputCovariance),
  covariance: entries(covariance),
});

describe('a training on statistics by directions', () => {
  let device: Device;
  beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));

  // Of 9 directions of G and H and 12 of S nothing is left.
  it.each([
    ['sgd', [4, 3, 2]],
    ['adamw', [4, 3, 2]],
    ['adamw', [9, 12, 9]],
  ] as const)('by %s, %j of them, is that on the same spelled out', async (optimizer, [g, s, h]) => {
    const config = forecastSchema.parse({
      ...{ stats: 'made up', optimizer, lr: 0.02, steps: 60, ranks: [1, 4], alpha: 4, trials: 1 },
      precision: 'float64',
    });
    const run = async (weight: WeightStatistics) => {
      const statistics = statisticsOf([weight]);
      const both = surrogates(statistics);
      const plan = training(config, statistics);
      return Promise.all(both.map(async (each) => ({ ...each, trained: await train(plan, each, device) })));
    };
    const [found, expected] = [await run(few(g, s, h)), await run(whole(few(g, s, h)))];
    found.forEach(({ scale, sharpness, trained }, i) => {
      const other = expected[i]!;
      expect(scale / other.scale).toBeCloseTo(1, 12);
      expect(sharpness[0]! / other.sharpness[0]!).toBeCloseTo(1, 8);
      trained.forEach(({ losses, rank }, k) => {
        // Rounding of sums in another order, over 60 steps; AdamW divides gradients by their own size.
        losses.forEach((loss, step) =>
          expect(Math.abs(loss - other.trained[k]!.losses[step]!)).toBeLessThan(1e-9),
        );
        expect(losses[0]! - losses.at(-1)!).toBeGreaterThan(rank === 4 ? 0.1 : 0.01);
      });
    });
    // Another number of directions is another training.
    const [less] = await run(few(g - 1, s, h));
    expect(
      Math.abs(less!.trained[1]!.losses.at(-1)! - expected[0]!.trained[1]!.losses.at(-1)!),
    ).toBeGreaterThan(1e-4);
  });
});

describe('a file of statistics by directions', () => {
  const gradient = { rows: n, cols: m, shift: 0, weights: Float64Array.of(1, 0.5) };
  const tensors = (name: string) => ({
    ...gradientTensors(`${name}.G`, {
      ...gradient,
      left: qr(gaussian(n, 2, 5)).q,
      right: qr(gaussian(m, 2, 6)).q,
    }),
    ...momentTensors(`${name}.S`, fewDirections(n, n, 3, 3, true)),
    ...momentTensors(`${name}.H`, { ...fewDirections(m, m, 2, 4, true), shift: 0.001 }),
  });
  const input: Omit<ForecastInput, 'stats'> = {
    ...{ optimizer: 'sgd', lr: 0.02, steps: 8, ranks: [1, 2], trials: 1 },
    ...{ backend: 'cpu', precision: 'float64', workers: 1 },
  };
  const cautionsOf = async (metadata: Record<string, string>) => {
    const stats = writeStatistics('few.safetensors', tensors('layer'), {
      cosine: '0.9',
      hvp: '1',
      ...metadata,
    });
    return forecastCautions(await forecast({ ...input, stats }));
  };

  it('is said to be thin where it is, and how much of its trace is known', async () => {
    // 2 + 1 + 2/3 + 3 * 0.1 of that and 9 * 0.1 more.
    const [first, ...others] = await cautionsOf({});
    expect(first).toMatch(/^S of layer: the directions in the file hold 82 %/);
    expect(others.join()).not.toMatch(/[HS] of layer/);
    const thin = await cautionsOf({ samples: '59', draws: '2' });
    expect(thin[0]).toContain('S of layer: 118 vectors for 12 dimensions');
    const noisy = await cautionsOf({ cosine: '0.79' });
    expect(noisy[0]).toContain('cosine of 0.79');
  });

  it('of several weights is refused without hvp', async () => {
    const both = { ...tensors('one'), ...tensors('two') };
    const stats = writeStatistics('two.safetensors', both, { cosine: '0.9' });
    await expect(forecast({ ...input, stats })).rejects.toThrow('2 weights without hvp');
    expect(readStatistics(stats).weights).toHaveLength(2);
  });
});

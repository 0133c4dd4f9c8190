/** Steps on minibatches: which samples they see, PyTorch's steps on the same, and what they depend on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBackends } from '../../src/backend/useBackend.js';
import { ensemble } from '../../src/ensemble/ensemble.js';
import { membersOf, type Member } from '../../src/ensemble/member.js';
import { initialization } from '../../src/ensemble/initialization.js';
import { checkConfig } from '../../src/input/checkConfig.js';
import { flowUnder, type Method } from '../../src/method/method.js';
import { minibatchAt } from '../../src/method/minibatch.js';
import { method } from '../../src/method/methods.js';
import { frobeniusDense } from '../../src/problem/frobenius.js';
import { onSamples } from '../../src/problem/linearRegression.js';
import { fromSamples } from '../../src/problem/samples.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { solve, type SolveOptions } from '../../src/solver/solve.js';
import { sweepSchema, type SweepInput } from '../../src/sweep/config.js';
import { makePlan } from '../../src/sweep/plan.js';
import { gaussian } from '../support.js';
import { errors, regression, stochastic } from './support.js';

let cpu: Device;
let wasm: Device;
beforeAll(async () => {
  cpu = await openDevice('cpu', { workers: 1 });
  wasm = await openDevice('wasm', { workers: 1 });
});
afterAll(closeBackends);

const COUNT = 10;
const problem = onSamples(fromSamples(gaussian(COUNT, 5, 1), gaussian(COUNT, 6, 2)));
const plain = { scale: 0.7, lrRatioA: 1.3, lrRatioB: 2.1 };

/** Members of a rank that start alike, but for their trials. */
function alike(by: Method, rank: number, trials: number): Member[] {
  const law = { problem, rank, initialization: initialization('gaussian:0.5'), coefficients: plain };
  const [first] = membersOf({ ...law, flow: flowUnder(by) }, 0, 1, 3);
  return Array.from({ length: trials }, (_, trial) => ({ ...first!, trial }));
}

const solved = (members: readonly Member[], by: Method, options: Partial<SolveOptions> = {}) =>
  solve({ problem, members }, { method: by, stop: { saveTimes: [0.1] }, device: cpu, ...options }).all();

describe('a minibatch', () => {
  const by = { size: 3, seed: 5 };

  it('is of different samples, each as often as any other', () => {
    const times = new Int32Array(COUNT);
    const rounds = 4000;
    for (let step = 0; step < rounds; step++) {
      const chosen = minibatchAt(by, { trial: 1, draw: 0 }, step, COUNT);
      expect(new Set(chosen).size).toBe(3);
      chosen.forEach((i) => times[i]!++);
    }
    const [p, total] = [3 / COUNT, times.reduce((sum, count) => sum + count, 0)];
    expect(total).toBe(3 * rounds);
    // Each is a binomial number: five of its standard deviations.
    for (const count of times)
      expect(Math.abs(count - rounds * p)).toBeLessThan(5 * Math.sqrt(rounds * p * (1 - p)));
  });

  it('depends on seed, draw, trial and step', () => {
    const of = (seed: number, trial: number, draw: number, step: number) =>
      minibatchAt({ size: 3, seed }, { trial, draw }, step, 1000).join();
    const all = [of(1, 1, 1, 1), of(2, 1, 1, 1), of(1, 2, 1, 1), of(1, 1, 2, 1), of(1, 1, 1, 2)];
    expect(new Set(all).size).toBe(5);
    expect(of(1, 1, 1, 1)).toBe(all[0]);
  });
});

describe("two hundred steps on minibatches are PyTorch's own", () => {
  it.each(stochastic)('in float64: %s', async (_, each) => {
    const [a, b] = await errors(each, { device: cpu, precision: 'float64' }, regression);
    expect(Math.max(a!, b!)).toBeLessThan(1e-9);
  });

  it.each(stochastic)('in float32, by tensor operations: %s', async (_, each) => {
    const [a, b] = await errors(each, { device: wasm, kernel: 'tensor-ops' }, regression);
    expect(Math.max(a!, b!)).toBeLessThan(1e-4);
  });
});

describe('steps on minibatches', () => {
  const step = 0.1;
  it.each(['float64', 'float32'] as const)(
    'are on average those of the gradient, in %s',
    async (precision) => {
      const by = method('gd-simultaneous', { step, batch: 3 });
      const trials = 3000;
      const options = { precision, kernel: precision === 'float64' ? 'fused' : 'tensor-ops' } as const;
      const many = await solved(alike(by, 2, trials), by, options);
      const [whole] = await solved(alike(by, 2, 1), method('gd-simultaneous', { step }), options);
      whole!.factors.x.data.forEach((expected, i) => {
        const values = many.map(({ factors }) => factors.x.data[i]!);
        const mean = values.reduce((sum, value) => sum + value, 0) / trials;
        const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / trials);
        expect(deviation).toBeGreaterThan(0);
        expect(Math.abs(mean - expected)).toBeLessThan((5 * deviation) / Math.sqrt(trials));
      });
    },
  );

  it.each([
    ['gd-a-then-b', { step, momentum: 0.9 }],
    ['adamw', { step }],
  ] as const)('of %s on all samples are those without, to the last bit', async (name, options) => {
    const by = method(name, { ...options, batch: COUNT });
    const [batches, whole] = [
      await solved(alike(by, 2, 2), by),
      await solved(alike(by, 2, 2), method(name, options)),
    ];
    expect(batches.map(({ factors }) => factors)).toEqual(whole.map(({ factors }) => factors));
  });

  it('do not depend on neighbours, and differ from trial to trial', async () => {
    const by = method('gd-simultaneous', { step: 0.05, momentum: 0.5, batch: 4 });
    const all = ensemble({ problem, ranks: [1, 2, 3], trials: 3, flow: flowUnder(by) }).members;
    const stop = { saveTimes: [0.5] };
    const options = { stop, device: wasm };
    const together = await solved(all, by, { ...options, chunk: Infinity });
    const alone = await solved(all, by, { ...options, chunk: 1 });
    expect(together.map(({ factors }) => factors)).toEqual(alone.map(({ factors }) => factors));
    expect(together[0]!.factors).not.toEqual(together[1]!.factors);
  });

  it('take what they can', async () => {
    const of = (size: number) => method('gd-simultaneous', { step, batch: size });
    await expect(solved(alike(of(11), 1, 1), of(11))).rejects.toThrow(
      'invalid batch: 11; must be at most 10',
    );
    const other = frobeniusDense(gaussian(6, 5, 7));
    const all = ensemble({ problem: other, ranks: [1] });
    const options = { method: of(2), stop: { saveTimes: [step] }, device: cpu };
    await expect(solve(all, options).all()).rejects.toThrow(
      'invalid batch: 2; must be left out without samples',
    );
    expect(() => of(0)).toThrow('invalid batch');
    expect(() => method('rk4', { step, batch: 2 })).toThrow('invalid batch');
  });

  it('are told by a config', async () => {
    const config = (input: Partial<SweepInput>) =>
      makePlan(
        checkConfig(sweepSchema, {
          ...{
            loss: ['linear-regression'],
            spectrum: 'power:1',
            covariance: 'power:1',
            shape: ['6x5'],
            ranks: [1],
          },
          ...{ samples: 8, method: 'adamw', step: 0.1, batch: 3, seed: 4, time: 1 },
          ...input,
        }),
      );
    const { cells } = await config({});
    expect(cells[0]!.method.minibatches).toEqual({ size: 3, seed: 4 });
    expect(cells[0]!.flow).toMatchObject({ factors: 'plain', byEntry: true });
    await expect(config({ batch: 9 })).rejects.toThrow('invalid batch: 9');
    await expect(config({ samples: undefined })).rejects.toThrow('invalid batch');
    await expect(config({ steady: 1e-3 })).rejects.toThrow('invalid steady');
    await expect(config({ time: undefined })).rejects.toThrow('invalid time');
    await expect(config({ method: 'dopri5', step: undefined })).rejects.toThrow('invalid batch');
  });
});

/**
 * Gradient descent with momentum and schedules, AdamW and Muon, step by step against PyTorch's own optimizers in float64
 * (reference/make_optimizers.py), and what their trajectories depend on.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBackends } from '../../src/backend/useBackend.js';
import { ensemble } from '../../src/ensemble/ensemble.js';
import { memberAt, type Member } from '../../src/ensemble/member.js';
import { flow, symmetriesOf } from '../../src/flow/flow.js';
import { flowUnder, type Method } from '../../src/method/method.js';
import { method, type MethodName, type MethodOptions } from '../../src/method/methods.js';
import { frobenius, frobeniusDense } from '../../src/problem/frobenius.js';
import { outOfFrame } from '../../src/problem/factors.js';
import type { Problem } from '../../src/problem/problem.js';
import { checkConfig } from '../../src/input/checkConfig.js';
import { runTrials } from '../../src/run/trials.js';
import type { Span } from '../../src/sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../../src/sweep/config.js';
import { makePlan } from '../../src/sweep/plan.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { gaussian, relativeError } from '../support.js';
import { errors, named, reference } from './support.js';

let cpu: Device;
let wasm: Device;
beforeAll(async () => {
  cpu = await openDevice('cpu', { workers: 1 });
  wasm = await openDevice('wasm', { workers: 1 });
});
afterAll(closeBackends);

describe("two hundred steps are PyTorch's own", () => {
  it.each(named)('in float64: %s', async (_, each) => {
    const [a, b] = await errors(each, { device: cpu, precision: 'float64' });
    expect(a).toBeLessThan(1e-9);
    expect(b).toBeLessThan(1e-9);
  });

  // Each step rounds by 6e-8; AdamW divides by the root of a mean square, and enlarges what is near 0.
  it.each(named.filter(([, { schedule }]) => schedule === 'cosine' || schedule === 'linear'))(
    'in float32, by tensor operations: %s',
    async (_, each) => {
      const [a, b] = await errors(each, { device: wasm, kernel: 'tensor-ops' });
      expect(Math.max(a!, b!)).toBeLessThan(1e-4);
    },
  );

  it("but for the bfloat16 of PyTorch's Muon, within its roundoff of 4e-3", () => {
    const stocks = reference.cases.flatMap(({ stock }) => (stock === undefined ? [] : [stock]));
    expect(stocks.length).toBeGreaterThan(0);
    for (const stock of stocks) expect(stock).toBeLessThan(4e-3);
  });
});

const optimizers: readonly (readonly [MethodName, MethodOptions])[] = [
  ['gd-simultaneous', { step: 0.05, momentum: 0.9 }],
  ['gd-a-then-b', { step: 0.05, momentum: 0.9, schedule: 'linear', warmup: 3 }],
  ['gd-simultaneous', { step: 0.05, schedule: 'cosine' }],
  ['adamw', { step: 0.05 }],
  ['muon', { step: 0.05, schedule: 'inverse', warmup: 3 }],
];

describe('a trajectory', () => {
  const many = (by: Method, problem: Problem) =>
    ensemble({
      problem,
      ranks: [1, 2, 3, 5],
      trials: 3,
      ...{ scaling: 'rslora', alpha: 1.5, lrRatioB: 2 },
      flow: flowUnder(by, flow('gradient', { decay: 0.1 })),
    });

  it.each(optimizers)('of %s %o does not depend on its neighbours', async (name, options) => {
    const by = method(name, options);
    const all = many(by, frobeniusDense(gaussian(9, 7, 3)));
    const solved = async (chunk: number) =>
      solve(all, { method: by, stop: { saveTimes: [0.5, 1] }, device: wasm, chunk }).all();
    const [together, alone] = [await solved(Infinity), await solved(1)];
    expect(together).toHaveLength(12);
    together.forEach(({ factors, saved }, i) => {
      expect(factors).toEqual(alone[i]!.factors);
      expect(saved).toEqual(alone[i]!.saved);
    });
  });

  it.each(optimizers.filter(([name]) => name !== 'adamw'))(
    'of %s %o is the same in the spectral frame, rotated',
    async (name, options) => {
      const by = method(name, options);
      const error = gaussian(9, 7, 4);
      const ends = async (problem: Problem, members: readonly Member[]) => {
        const stop = { saveTimes: [1] };
        const solved = solve({ problem, members }, { method: by, stop, device: cpu, precision: 'float64' });
        return (await solved.all()).map(({ factors }) => outOfFrame(factors, problem.frame));
      };
      const [framed, plain] = [frobenius(error), frobeniusDense(error)];
      expect(framed.frame).not.toBeNull();
      const inFrame = await ends(framed, many(by, framed).members);
      const beside = many(by, framed).members.map((member) =>
        memberAt(outOfFrame(member.initial(), framed.frame), member.coefficients, member.trial, member.flow),
      );
      (await ends(plain, beside)).forEach(({ x, y }, i) => {
        expect(relativeError(inFrame[i]!.x.data, x.data)).toBeLessThan(1e-10);
        expect(relativeError(inFrame[i]!.y.data, y.data)).toBeLessThan(1e-10);
      });
    },
  );

  it.each(optimizers)('of %s %o leaves a frozen factor as it was, to the last bit', async (name, options) => {
    const by = method(name, options);
    const moved = flowUnder(by, flow('gradient', { decay: 0.1 }));
    const problem = frobeniusDense(gaussian(9, 7, 5));
    const all = ensemble({ problem, ranks: [2], initialization: 'gaussian', lrRatioA: 0, flow: moved });
    const stop = { saveTimes: [0.5] };
    for (const device of [cpu, wasm]) {
      const [ended] = await solve(all, { method: by, stop, device, kernel: 'tensor-ops' }).all();
      const { x, y } = all.members[0]!.initial();
      expect(ended!.factors.y.data).toEqual(Float64Array.from(y.data, Math.fround));
      expect(ended!.factors.x.data).not.toEqual(Float64Array.from(x.data, Math.fround));
    }
  });

  it.each<Partial<SweepInput>>([
    { method: 'adamw', schedule: 'cosine', decay: 0.1, time: 1 },
    { method: 'muon', warmup: 2, time: 1 },
    { method: 'gd-b-then-a', momentum: 0.9, time: 1 },
    {
      method: 'adamw',
      loss: ['linear-regression'],
      covariance: 'power:1',
      samples: 9,
      draws: 2,
      batch: 4,
      time: 1,
    },
  ])('of a sweep by %o is the same in whatever parts it is resumed', async (input) => {
    const plan = await makePlan(
      checkConfig(sweepSchema, {
        spectrum: 'power:1',
        shape: ['6x5'],
        ranks: [1, 3],
        trials: 3,
        step: 0.1,
        ...input,
      }),
    );
    const draws = plan.config.draws;
    const rowsOf = async (spans: readonly Span[]) => {
      const rows = [];
      for await (const some of runTrials(plan, spans, wasm)) for (const { row } of some) rows.push(row);
      return rows.sort((a, b) => a.cell - b.cell || a.draw - b.draw || a.trial - b.trial);
    };
    const spans = (parts: readonly (readonly [number, number])[]) =>
      plan.cells.flatMap(({ index }) =>
        Array.from({ length: draws }, (_, draw) =>
          parts.map(([from, to]) => ({ cell: index, draw, from, to })),
        ).flat(),
      );
    const whole = await rowsOf(spans([[0, 3]]));
    expect(whole).toHaveLength(6 * draws);
    const parts = [];
    for (const part of spans([
      [2, 3],
      [0, 2],
    ]))
      parts.push(...(await rowsOf([part])));
    parts.sort((a, b) => a.cell - b.cell || a.draw - b.draw || a.trial - b.trial);
    expect(parts).toEqual(whole);
  });

  it('that leaves the range of float32 leaves its neighbours as they are', async () => {
    const by = method('gd-simultaneous', { step: 0.05, momentum: 0.9 });
    const problem = frobeniusDense(gaussian(9, 7, 6));
    const all = many(by, problem);
    const { x, y } = all.members[0]!.initial();
    const wild = { x, y: { ...y, data: y.data.map((value) => value * 1e8) } };
    const { coefficients, flow: moved } = all.members[0]!;
    const members = [memberAt(wild, coefficients, 0, moved), ...all.members];
    const options = { method: by, stop: { saveTimes: [1] }, device: wasm };
    const [first, ...rest] = await solve({ problem, members }, options).all();
    expect(first!.outcome).toBe('diverged');
    const alone = await solve(all, options).all();
    rest.forEach(({ factors }, i) => expect(factors).toEqual(alone[i]!.factors));
  });
});

describe('what cannot be is refused', () => {
  const problem = frobenius(gaussian(6, 5, 7));
  const adamw = method('adamw', { step: 0.1 });

  it('a method that an optimizer is not told of', async () => {
    const all = ensemble({ problem, ranks: [1] });
    const options = { method: adamw, stop: { saveTimes: [1] }, device: cpu };
    await expect(solve(all, options).all()).rejects.toThrow('that of flowUnder(method, flow), for adamw');
  });

  it('AdamW in a spectral frame', async () => {
    const moved = flowUnder(adamw);
    expect(symmetriesOf(moved)).toEqual({ rotation: false });
    const options = { method: adamw, stop: { saveTimes: [1] }, device: cpu };
    expect(() => ensemble({ problem, ranks: [1], flow: moved })).toThrow('in no spectral frame');
    const dense = frobenius(gaussian(6, 5, 7), symmetriesOf(moved));
    const [ended] = await solve(ensemble({ problem: dense, ranks: [1], flow: moved }), options).all();
    expect(ended!.outcome).toBe('end-time');
  });

  it('another rule under an optimizer', () => {
    expect(() => flowUnder(adamw, flow('spectral'))).toThrow('gradient: adamw has a rule of its own');
  });

  it('a fused kernel, and float64, on wasm', async () => {
    for (const [name, options] of optimizers) {
      const by = method(name, options);
      const all = ensemble({ problem: frobeniusDense(gaussian(6, 5, 7)), ranks: [1], flow: flowUnder(by) });
      const how = { method: by, stop: { saveTimes: [1] }, device: wasm };
      await expect(solve(all, { ...how, kernel: 'fused' }).all()).rejects.toThrow(
        'wasm has no fused kernel for',
      );
      await expect(solve(all, { ...how, precision: 'float64' }).all()).rejects.toThrow('invalid precision');
    }
  });

  it.each<[MethodName, MethodOptions, string]>([
    ['dopri5', { momentum: 0.9 }, 'invalid momentum'],
    ['rk4', { step: 0.1, schedule: 'cosine' }, 'invalid schedule'],
    ['rkc2', { warmup: 2 }, 'invalid warmup'],
    ['adamw', { step: 0.1, momentum: 0.9 }, 'invalid momentum'],
    ['gd-simultaneous', { step: 0.1, momentum: 1 }, 'invalid momentum'],
    ['gd-simultaneous', { step: 0.1, warmup: 1.5 }, 'invalid warmup'],
    ['muon', { step: 0.1, schedule: 'steps' as 'cosine' }, 'invalid schedule'],
    ['muon', { step: 0.1, momentum: -0.1 }, 'invalid momentum'],
    ['adamw', {}, 'invalid step'],
  ])('%s %o', (name, options, message) => {
    expect(() => method(name, options)).toThrow(message);
  });
});

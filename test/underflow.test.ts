/** Trajectories whose slopes underflow when squared in float32: they move, and are not called stationary. */
import { beforeAll, describe, expect, it } from 'vitest';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { twin } from '../kernels/cpu/twin.js';
import { method } from '../src/method/methods.js';
import type { Method } from '../src/method/method.js';
import { dense } from '../src/numbers/dense.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve, type SolveOptions } from '../src/solver/solve.js';
import { gaussian, memberOf, plain, relativeError, useBackend } from './support.js';

let device: Device;

/** A problem at the scale sigma = c^2: factors in c, time in c^-2; else the flow is that of c = 1. */
const at = (c: number) => ({
  problem: frobeniusFromSpectrum(Float64Array.of(c * c, 0.6 * c * c, 0.3 * c * c, 0), 5, 4),
  members: [0, 1].map((i) => {
    const scaled = (rows: number, cols: number, seed: number) =>
      dense(
        rows,
        cols,
        gaussian(rows, cols, seed, 0.3).data.map((value) => c * value),
      );
    return memberOf({ loraA: scaled(2, 4, i), loraB: scaled(5, 2, 7 + i) }, plain);
  }),
  times: [0.5, 4].map((t) => t / c ** 2),
});
/** Powers of two, which scale without rounding. Slopes are in c^3: 1e-24, whose squares float32 does not hold. */
const tiny = 2 ** -27;

async function ends(c: number, how: Method, choice: Partial<SolveOptions>) {
  const { problem, members, times } = at(c);
  const stop = { saveTimes: times, steadyTolerance: 1e-6, maxSteps: 10_000 };
  const ended = await solve({ problem, members }, { method: how, stop, chunk: 2, ...choice, device }).all();
  return ended.map(({ outcome, acceptedSteps, factors, time }) => ({
    outcome,
    acceptedSteps,
    time: time * c ** 2,
    x: factors.x.data.map((value) => value / c),
  }));
}

const adaptive = [method('dopri5', { rtol: 1e-5, atol: 0 }), method('bosh3', { rtol: 1e-4, atol: 0 })];

describe.each([
  ['cpu', 'tensor-ops'],
  ['wasm', 'tensor-ops'],
  ['wasm', 'fused'],
] as const)('on %s by %s', (backend, kernel) => {
  beforeAll(async () => void (device = await openDevice(backend, { workers: 1 })));

  it.each(adaptive)('%# ends where the same flow does at the scale of 1', async (how) => {
    const [scaled, usual] = [await ends(tiny, how, { kernel }), await ends(1, how, { kernel })];
    expect(scaled.map(({ outcome }) => outcome)).toEqual(['end-time', 'end-time']);
    scaled.forEach(({ acceptedSteps, time, x }, i) => {
      // The first step is guessed with constants that suit the scale of 1, and steps grow from it.
      expect(Math.abs(acceptedSteps - usual[i]!.acceptedSteps)).toBeLessThanOrEqual(25);
      expect(time).toBeCloseTo(4, 12);
      expect(relativeError(x, usual[i]!.x)).toBeLessThan(1e-3);
    });
  });

  it.each(['rk4', 'gd-simultaneous'] as const)('%s too', async (name) => {
    const run = (c: number) => ends(c, method(name, { step: 0.125 / c ** 2 }), { kernel });
    const [scaled, usual] = [await run(tiny), await run(1)];
    // Not a bit differs.
    expect(scaled).toEqual(usual);
  });

  it('rests where the slope is exactly zero', async () => {
    const { problem } = at(tiny);
    const zero = memberOf({ loraA: dense(2, 4), loraB: dense(5, 2) }, plain);
    const stop = { saveTimes: [1], steadyTolerance: 1e-6, maxSteps: 10_000 };
    const [ended] = await solve(
      { problem, members: [zero] },
      { method: adaptive[0]!, stop, chunk: 1, kernel, device },
    ).all();
    expect(ended!.outcome).toBe('stationary');
  });
});

describe('the float64 twin', () => {
  beforeAll(async () => void (device = await useBackend('cpu')));

  it('does so at 1e-54, whose slopes are in 1e-162', () => {
    const c = 2 ** -180;
    const run = (scale: number) => {
      const { problem, members, times } = at(scale);
      const { structure } = problem;
      if (structure.kind === 'autodiff') throw new Error('built-in');
      const { x, y } = members[0]!.initial();
      const stop = { saveTimes: times, steadyTolerance: 1e-6, maxSteps: 10_000 };
      const how = method('rk4', { step: 0.125 / scale ** 2 });
      return answered(twin([x.data, y.data], 1, how, stop), fieldOf(evaluator(structure), 2));
    };
    const [scaled, usual] = [run(c), run(1)];
    expect(scaled.outcome).toBe('end-time');
    expect(scaled.acceptedSteps).toBe(usual.acceptedSteps);
    expect(scaled.state[0]!.map((value) => value / c)).toEqual(usual.state[0]);
  });
});

/** Why trajectories end on an engine, against runs that are made to end so: at the end time, stationary, diverged, without a step. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { dense } from '../../../src/numbers/dense.js';
import { method } from '../../../src/method/methods.js';
import type { Method } from '../../../src/method/method.js';
import { frobeniusDense, frobeniusFromSpectrum } from '../../../src/problem/frobenius.js';
import type { StopRule } from '../../../src/method/track.js';
import type { Member } from '../../../src/ensemble/member.js';
import type { Device } from '../../../src/solver/device.js';
import { solve } from '../../../src/solver/solve.js';
import { takes, useEngine, type Engine } from '../../engines.js';
import { gaussian, memberOf, plain } from '../../support.js';
import { adaptive, until, linspace, drawnMember, customProblem } from '../support.js';
import { namedSpectrum } from '../../../src/problem/spectrum.js';

export function outcomesOn(engine: Engine): void {
  let device: Device;
  beforeAll(async () => void (device = await useEngine(engine)));

  const quadratic = frobeniusDense(gaussian(10, 8, 30, 0.3));
  const problem = takes(engine, quadratic)
    ? quadratic
    : frobeniusFromSpectrum(namedSpectrum('power:1', 8), 10, 8);
  const slow = drawnMember(problem, 'gaussian', 2, 0, { scale: 0.01, lrRatioA: 1, lrRatioB: 1 });
  const fast = drawnMember(problem, 'gaussian', 2, 1, { scale: 5, lrRatioA: 1, lrRatioB: 1 });
  const wild = drawnMember(problem, 'gaussian', 2, 2, { scale: 5e3, lrRatioA: 1, lrRatioB: 1 });
  const run = (members: Member[], how: Method, stop: StopRule, of = problem) =>
    solve({ problem: of, members }, { method: how, stop, chunk: 100, device, ...engine.choice }).all();

  it('end-time and stationary', async () => {
    const times = [...linspace(0, 0.5, 51), 20, 40];
    const [a, b] = await run([slow, fast], adaptive, until(times, { steadyTolerance: 1e-2 }));
    expect(a!.outcome).toBe('end-time');
    expect(a!.time).toBeCloseTo(40, 12);
    expect(a!.saved.map((o) => o!.time)).toEqual(times);
    expect(b!.outcome).toBe('stationary');
    expect(b!.time).toBeLessThan(40);
    // Relative to the largest at a save time, which is close to the largest at a step.
    const peak = Math.max(...b!.saved.map((o) => o!.gradientNorm!));
    expect(b!.last.gradientNorm).toBeLessThan(1.1e-2 * peak);
    // What is stationary stays: its last observation stands for the later save times.
    expect(b!.saved.at(-1)).toEqual(b!.last);
    expect(b!.last.time).toBe(b!.time);
  });

  it('stationary at once, from a stationary start', async () => {
    const zero = memberOf({ loraA: dense(2, 8), loraB: dense(10, 2) }, plain);
    for (const how of [adaptive, method('rk4', { step: 0.1 }), method('gd-simultaneous', { step: 0.1 })]) {
      const [a] = await run([zero], how, until([1], { steadyTolerance: 1e-3 }));
      expect(a!.outcome).toBe('stationary');
      expect(a!.acceptedSteps).toBe(1);
    }
  });

  it('step-budget', async () => {
    const [a] = await run([slow], adaptive, until([1e6], { maxSteps: 7 }));
    expect(a!.outcome).toBe('step-budget');
    expect(a!.acceptedSteps + a!.rejectedSteps).toBe(7);
    expect(a!.saved).toEqual([null]);
    expect(a!.last.loss).toBeLessThan(problem.initialLoss!);
    // A budget that is just enough is enough.
    const stop = (maxSteps: number) => until([1], { maxSteps });
    const outcome = async (maxSteps: number) =>
      (await run([slow], method('rk4', { step: 0.1 }), stop(maxSteps)))[0]!.outcome;
    expect([await outcome(9), await outcome(10), await outcome(11)]).toEqual([
      'step-budget',
      'end-time',
      'end-time',
    ]);
  });

  // Not held there: the infinities of a trajectory by tensor operations on webgpu end its neighbours too.
  const touched = engine.backend === 'webgpu' && engine.choice.kernel === 'tensor-ops';
  it.skipIf(touched).each(['rk4', 'gd-simultaneous', 'gd-b-then-a'] as const)(
    'diverged: %s with far too large a step',
    async (name) => {
      const how = method(name, { step: 1 });
      const stop = until([10, 200], { steadyTolerance: 1e-6 });
      const alone = await run([slow, fast], how, until([10, 200]));
      const stable = alone[0]!;
      expect(stable.outcome).toBe('end-time');
      const [a, b, c] = await run([slow, wild, slow], how, stop);
      expect(b!.outcome).toBe('diverged');
      expect(b!.saved).toEqual([null, null]);
      // The last finite state is kept.
      expect(b!.factors.x.data.every(Number.isFinite)).toBe(true);
      expect(b!.time).toBeLessThan(200);
      // A neighbour's infinities do not touch the others.
      const [undisturbed] = await run([slow], how, stop);
      expect(JSON.stringify(a)).toBe(JSON.stringify(undisturbed));
      expect(JSON.stringify(c)).toBe(JSON.stringify(undisturbed));
    },
  );

  const zeros = dense(5, 4);
  const at = (scale: number, size: number) =>
    memberOf(
      {
        loraA: dense(2, 4, new Float64Array(8).fill(size)),
        loraB: dense(5, 2, new Float64Array(10).fill(size)),
      },
      { ...plain, scale },
    );

  it.skipIf(engine.choice.kernel === 'fused')(
    'diverged: an adaptive run that grows without bound',
    async () => {
      const unbounded = customProblem('-sum W', zeros, (w) =>
        tf.tidy(() => tf.sum<tf.Tensor1D>(w, [1, 2]).neg()),
      );
      const [a, b] = await run([at(1, 0.1), at(0.01, 0.1)], adaptive, until([5, 100]), unbounded);
      expect(a!.outcome).toBe('diverged');
      expect(a!.saved[0]).not.toBeNull();
      expect(a!.saved[1]).toBeNull();
      expect(a!.factors.x.data.every(Number.isFinite)).toBe(true);
      expect(b!.outcome).toBe('end-time');
      const [alone] = await run([at(0.01, 0.1)], adaptive, until([5, 100]), unbounded);
      expect(JSON.stringify(b)).toBe(JSON.stringify(alone));
    },
  );

  it.skipIf(engine.choice.kernel === 'fused')(
    'step-too-small: an adaptive run that blows up in finite time',
    async () => {
      const blowUp = customProblem('-sum W^4', zeros, (w) =>
        tf.tidy(() => tf.sum<tf.Tensor1D>(tf.square(tf.square(w)), [1, 2]).neg()),
      );
      const [a, b] = await run([at(1, 1), at(1, 0.01)], adaptive, until([10]), blowUp);
      // The step shrinks with the time that is left, and float64 time runs out of digits before float32 states do.
      expect(a!.outcome).toBe('step-too-small');
      expect(a!.saved).toEqual([null]);
      expect(a!.last.loss).toBeLessThan(-1);
      expect(b!.outcome).toBe('end-time');
    },
  );
}

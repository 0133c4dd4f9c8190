/** Save times on an engine against the times of what was saved, and trajectories with many against those with few. */
import { beforeAll, expect, it } from 'vitest';
import { method } from '../../../src/method/methods.js';
import type { Device } from '../../../src/solver/device.js';
import { solve } from '../../../src/solver/solve.js';
import type { Method } from '../../../src/method/method.js';
import { linearRegression } from '../../../src/problem/linearRegression.js';
import { coefficients, covariance, gaussian, plain, product, relativeError } from '../../support.js';
import { takes, useEngine, type Engine } from '../../engines.js';
import { pathTolerance, adaptive, until, drawnMember } from '../support.js';
import { frobeniusFromSpectrum } from '../../../src/problem/frobenius.js';
import { namedSpectrum } from '../../../src/problem/spectrum.js';

export function saveTimesOn(engine: Engine): void {
  let device: Device;
  beforeAll(async () => void (device = await useEngine(engine)));

  const quadratic = linearRegression(gaussian(12, 9, 60, 0.4), covariance(9, 61));
  const problem = takes(engine, quadratic)
    ? quadratic
    : frobeniusFromSpectrum(namedSpectrum('power:1', 9), 12, 9);
  const member = drawnMember(problem, 'gaussian', 3, 0, coefficients);
  const run = async (how: Method, saveTimes: number[], start = member) =>
    (
      await solve(
        { problem, members: [start] },
        { method: how, stop: until(saveTimes), chunk: 1, device, ...engine.choice },
      ).all()
    )[0]!;

  it('may be 0: the start itself', async () => {
    for (const how of [adaptive, method('rk4', { step: 0.5 })]) {
      const { saved } = await run(how, [0, 1]);
      expect(saved[0]!.time).toBe(0);
      // B = 0 at the start.
      expect(Math.abs(saved[0]!.loss / problem.initialLoss! - 1)).toBeLessThan(1e-14);
      const only = await run(how, [0]);
      expect(only.outcome).toBe('end-time');
      expect(only.acceptedSteps).toBe(0);
      expect(only.saved).toEqual([saved[0]]);
    }
  });

  it('do not change one another, to within the tolerance', async () => {
    const sparse = await run(adaptive, [4]);
    const crowded = await run(adaptive, [0, 0.1, 0.11, 0.1100001, 1, 2, 2.5, 4 - 1e-9, 4]);
    const [a, b] = [sparse, crowded].map(({ factors }) => product(factors).data);
    expect(relativeError(b!, a!)).toBeLessThan(pathTolerance);
    expect(crowded.saved.map((o) => o!.time)).toEqual([0, 0.1, 0.11, 0.1100001, 1, 2, 2.5, 4 - 1e-9, 4]);
    const early = await run(adaptive, [3.5]);
    expect(relativeError(product(early.factors).data, a!)).toBeGreaterThan(100 * pathTolerance);
    // Cutting steps short does not make the controller forget its step: few steps are added.
    expect(crowded.acceptedSteps).toBeLessThan(sparse.acceptedSteps + 2 * 9);
  });

  // At a clock of 1 the step 0.01 rounds down to float32, by enough to fall behind in 100 steps, and 0.1 rounds up:
  // neither may cost or save a step.
  it.each([0.01, 0.1, 0.25])('of a fixed step %d are hit by whole multiples', async (step) => {
    for (const name of ['rk4', 'gd-simultaneous'] as const) {
      const how = method(name, { step });
      for (const k of [plain, coefficients]) {
        const start = drawnMember(problem, 'gaussian', 3, 0, k);
        const whole = await run(how, [2], start);
        expect(whole.acceptedSteps).toBe(Math.round(2 / step));
        expect(whole.evaluations).toBe(whole.acceptedSteps * (name === 'rk4' ? 4 : 1));
        const cut = await run(how, [0, 0.5, 1, 2], start);
        expect(cut.acceptedSteps).toBe(whole.acceptedSteps);
        expect(cut.factors).toEqual(whole.factors);
      }
    }
  });
}

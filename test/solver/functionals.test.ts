/** Saved functionals against what the flow conserves, against finite differences, and against ml-matrix. */
import { SingularValueDecomposition } from 'ml-matrix';
import { beforeAll, expect, it } from 'vitest';
import { method } from '../../src/method/methods.js';
import { frobeniusDense, frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import type { Problem } from '../../src/problem/problem.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import { traceSquared } from '../../src/problem/traceSquared.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import {
  eachBackend,
  coefficients,
  covariance,
  gaussian,
  norm,
  product,
  relativeError,
  useBackend,
  toMatrix,
} from '../support.js';
import { adaptive, until, linspace, drawnMember, quarticLoss, customProblem } from './support.js';

let device: Device;

eachBackend('what the flow conserves on %s', (backend) => {
  beforeAll(async () => void (device = await useBackend(backend)));

  const sigma = namedSpectrum('power:1', 20);
  const problems: [string, Problem][] = [
    ['diagonal', frobeniusFromSpectrum(sigma, 24, 20)],
    ['linear regression', linearRegression(gaussian(24, 20, 70, 0.3), covariance(20, 71))],
    ['trace-squared', traceSquared(20, 1)],
    ['custom', customProblem('quartic', gaussian(24, 20, 72, 0.3), quarticLoss(20))],
  ];

  it.each(problems)('%s: balancedness stays, the loss falls', async (_, problem) => {
    const member = drawnMember(problem, 'small:0.3', 5, 0, coefficients);
    const options = { stop: until([0, ...linspace(0.5, 20, 40)]), chunk: 1 };
    const [trajectory] = await solve(
      { problem, members: [member] },
      { method: adaptive, ...options, device },
    ).all();
    const saved = trajectory!.saved.map((o) => o!);
    const drift = (b: number[]) => Math.max(...b.map((value) => Math.abs(value / b[0]! - 1)));
    // B^T B / kB - A A^T / kA is of the size of its terms here: a few 1e-7 of rounding and 1e-6 of error a step.
    expect(drift(saved.map((o) => o.balancedness!))).toBeLessThan(1e-4);
    saved.slice(1).forEach((o, i) => {
      // The loss of a float32 state is known to about 1e-6 of the start.
      expect(o.loss).toBeLessThan(saved[i]!.loss + 1e-6 * Math.abs(saved[0]!.loss));
    });
    expect(saved.at(-1)!.loss).toBeLessThan(saved[0]!.loss - 0.05 * Math.abs(saved[0]!.loss));
    // Gradient descent at a finite step does not conserve it.
    const [descent] = await solve(
      { problem, members: [member] },
      {
        method: method('gd-simultaneous', { step: 0.1 }),
        ...options,
        stop: until(linspace(0, 20, 5)),
        device,
      },
    ).all();
    expect(drift(descent!.saved.map((o) => o!.balancedness!))).toBeGreaterThan(1e-3);
  });

  it('df/dt is minus the squared gradient norm', async () => {
    for (const [, problem] of problems.slice(0, 3)) {
      const member = drawnMember(problem, 'small:0.3', 5, 0, coefficients);
      const dt = 0.004;
      const [t] = await solve(
        { problem, members: [member] },
        {
          method: adaptive,
          stop: until([0.5 - dt, 0.5, 0.5 + dt]),
          chunk: 1,
          device,
        },
      ).all();
      const [before, middle, after] = t!.saved.map((o) => o!);
      const slope = (after!.loss - before!.loss) / (2 * dt);
      // A central difference: dt^2 / 6 of the third derivative, which is at most (rate 4)^3 of the slope here.
      expect(Math.abs(slope / -(middle!.gradientNorm! ** 2) - 1)).toBeLessThan(1e-2);
    }
  });

  it.each([1, 3, 8])('singular values at rank %d are those of the formed update', async (rank) => {
    for (const [rows, cols] of [
      [24, 20],
      [20, 24],
      [6, 24],
    ] as const) {
      if (rank > Math.min(rows, cols)) continue;
      const problem = frobeniusDense(gaussian(rows, cols, 73, 0.3));
      const member = drawnMember(problem, 'small:0.3', rank, 0, coefficients);
      const [t] = await solve(
        { problem, members: [member] },
        {
          method: adaptive,
          stop: until([2]),
          chunk: 1,
          detail: 'singular-values',
          device,
        },
      ).all();
      const svd = new SingularValueDecomposition(toMatrix(product(t!.factors)), { autoTranspose: true });
      const values = t!.last.singularValues!;
      expect(values).toHaveLength(rank);
      // Both in float64 from the same factors.
      expect(relativeError(values, svd.diagonal.slice(0, rank))).toBeLessThan(1e-12);
      expect(t!.last.distance).toBeCloseTo(Math.sqrt(2 * t!.last.loss), 12);
      expect(norm(values.slice(1))).toBeLessThan(norm(values));
    }
  });
});

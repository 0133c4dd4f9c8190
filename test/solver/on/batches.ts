/** Trajectories in a batch on an engine against the same alone: nothing that shares a batch touches another. */
import { beforeAll, expect, it } from 'vitest';
import { method } from '../../../src/method/methods.js';
import type { Method } from '../../../src/method/method.js';
import { frobeniusFromSpectrum } from '../../../src/problem/frobenius.js';
import { linearRegression } from '../../../src/problem/linearRegression.js';
import type { Problem } from '../../../src/problem/problem.js';
import { namedSpectrum } from '../../../src/problem/spectrum.js';
import { traceSquared } from '../../../src/problem/traceSquared.js';
import type { Trajectory } from '../../../src/solver/chunk.js';
import type { Device } from '../../../src/solver/device.js';
import { solve, type SolveOptions } from '../../../src/solver/solve.js';
import { covariance, gaussian } from '../../support.js';
import { takes, useEngine, type Engine } from '../../engines.js';
import { until, drawnMember, quarticLoss, customProblem } from '../support.js';

const diagonal = frobeniusFromSpectrum(namedSpectrum('exp:0.5', 15), 20, 15);

export function batchesOn(engine: Engine): void {
  let device: Device;
  beforeAll(async () => void (device = await useEngine(engine)));

  /** Everything a trajectory is, with the bits of its factors. */
  const bits = (trajectories: readonly Trajectory[]) =>
    trajectories.map((t) => JSON.stringify({ ...t, factors: [...t.factors.x.data, ...t.factors.y.data] }));

  // On wasm 60 columns: sums longer than the 48 in which it blocks its loop, and at rank 16 products that it computes
  // one trajectory at a time. Elsewhere nothing depends on the size.
  const [rows, cols] = engine.backend === 'wasm' ? [70, 60] : [20, 16];
  const rectangular = linearRegression(gaussian(rows, cols, 20, 0.1), covariance(cols, 21));
  const problems: [string, Problem, number[]][] = [
    ['diagonal', diagonal, [1, 2, 3, 4, 5, 8]],
    ['linear regression', rectangular, [1, 3, 6, 7, 16]],
    ['trace-squared', traceSquared(20, 2), [1, 2, 5, 7]],
    ['custom', customProblem('quartic', gaussian(5, cols, 22, 0.2), quarticLoss(cols)), [1, 3, 8]],
  ];
  const methods: [string, Method, number][] = [
    ['adaptive', method('dopri5', { rtol: 1e-3 }), 8],
    ['fixed', method('rk4', { step: 0.1 }), 6],
    ['gradient descent', method('gd-a-then-b', { step: 0.05 }), 5],
  ];
  // A software driver takes seconds to compile each rank and method: every other rank is enough of a mixture there.
  const isCompiled = engine.backend === 'webgpu' && engine.choice.kernel === 'fused';
  const cases = problems
    .filter(([, problem]) => takes(engine, problem))
    .flatMap(([name, problem, ranks]) =>
      methods.map(([how, m, end]) => ({ name, problem, ranks, how, method: m, end })),
    );

  it.each(cases)(
    'do not change a bit of a trajectory: $name, $how',
    async ({ problem, ranks, method: how, end }) => {
      // From small starts, which make steps grow on a plateau and then be rejected, at clocks up to 10 apart, so that
      // some become stationary long before others.
      const members = ranks.flatMap((rank, i) =>
        isCompiled && i % 2 === 1
          ? []
          : ['small:0.01', 'gaussian'].map((spec, trial) =>
              drawnMember(problem, spec, rank, trial, {
                scale: 0.3 * (1 + ((7 * i + 3 * trial) % 8)),
                lrRatioA: 1,
                lrRatioB: 1.5,
              }),
            ),
      );
      const options = (chunk: number): SolveOptions => ({
        device,
        method: how,
        stop: until([end / 4, end], { steadyTolerance: 0.05 }),
        chunk,
        ...engine.choice,
        detail: 'singular-values',
      });
      const together = await solve({ problem, members }, options(1000)).all();
      expect(together).toHaveLength(members.length);
      expect(bits(await solve({ problem, members }, options(1)).all())).toEqual(bits(together));
      const backwards = await solve({ problem, members: [...members].reverse() }, options(3)).all();
      expect(bits(backwards.reverse())).toEqual(bits(together));
      // The batch did shrink on the way, and steps were rejected.
      expect(new Set(together.map(({ acceptedSteps }) => acceptedSteps)).size).toBeGreaterThan(1);
      expect(together.some(({ outcome }) => outcome === 'stationary')).toBe(true);
      if (how.control.kind === 'error' && how.scheme.mostStages === null)
        expect(together.some(({ rejectedSteps }) => rejectedSteps > 0)).toBe(true);
    },
  );
}

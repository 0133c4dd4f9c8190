/** Trajectories in a batch against the same alone: nothing that shares a batch touches another, at any width or size. */
import { beforeAll, expect, it } from 'vitest';
import { clock, toFactors } from '../../src/ensemble/adapter.js';
import { method } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import { tableaus } from '../../src/method/tableaus.js';
import { frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import type { Problem } from '../../src/problem/problem.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import { traceSquared } from '../../src/problem/traceSquared.js';
import type { Path } from '../../src/solver/paths.js';
import type { Trajectory } from '../../src/solver/chunk.js';
import type { Device } from '../../src/solver/device.js';
import { solve, chunks, paddedWidth, type SolveOptions } from '../../src/solver/solve.js';
import {
  eachBackend,
  coefficients,
  covariance,
  flow64,
  gaussian,
  plain,
  relativeError,
  useBackend,
} from '../support.js';
import { pathTolerance, adaptive, until, trace, drawnMember, quarticLoss, customProblem } from './support.js';

let device: Device;

eachBackend('batches on %s', (backend) => {
  beforeAll(async () => void (device = await useBackend(backend)));

  /** Everything a trajectory is, with the bits of its factors. */
  const bits = (trajectories: readonly Trajectory[]) =>
    trajectories.map((t) => JSON.stringify({ ...t, factors: [...t.factors.x.data, ...t.factors.y.data] }));

  // On wasm 60 columns: sums longer than the 48 in which it blocks its loop, and at rank 16 products that it computes
  // one trajectory at a time. Elsewhere nothing depends on the size.
  const [rows, cols] = backend === 'wasm' ? [70, 60] : [20, 16];
  const rectangular = linearRegression(gaussian(rows, cols, 20, 0.1), covariance(cols, 21));
  const problems: [string, Problem, number[]][] = [
    ['diagonal', frobeniusFromSpectrum(namedSpectrum('exp:0.5', 15), 20, 15), [1, 2, 3, 4, 5, 8]],
    ['linear regression', rectangular, [1, 3, 6, 7, 16]],
    ['trace-squared', traceSquared(20, 2), [1, 2, 5, 7]],
    ['custom', customProblem('quartic', gaussian(5, cols, 22, 0.2), quarticLoss(cols)), [1, 3, 8]],
  ];
  const methods: [string, Method, number][] = [
    ['adaptive', method('dopri5', { rtol: 1e-3 }), 8],
    ['fixed', method('rk4', { step: 0.1 }), 6],
    ['gradient descent', method('gd-a-then-b', { step: 0.05 }), 5],
  ];
  const cases = problems.flatMap(([name, problem, ranks]) =>
    methods.map(([how, m, end]) => ({ name, problem, ranks, how, method: m, end })),
  );

  it.each(cases)(
    'do not change a bit of a trajectory: $name, $how',
    async ({ problem, ranks, method: how, end }) => {
      // From small starts, which make steps grow on a plateau and then be rejected, at clocks up to 10 apart, so that
      // some become stationary long before others.
      const members = ranks.flatMap((rank, i) =>
        ['small:0.01', 'gaussian'].map((spec, trial) =>
          drawnMember(problem, spec, rank, trial, {
            scale: 0.3 * (1 + ((7 * i + 3 * trial) % 8)),
            lrRatioA: 1,
            lrRatioB: 1.5,
          }),
        ),
      );
      const options = (chunk: number): Omit<SolveOptions, 'device'> => ({
        method: how,
        stop: until([end / 4, end], { steadyTolerance: 0.05 }),
        chunk,
        detail: 'singular-values',
      });
      const together = await solve({ problem, members }, { ...options(1000), device }).all();
      expect(together).toHaveLength(members.length);
      expect(bits(await solve({ problem, members }, { ...options(1), device }).all())).toEqual(
        bits(together),
      );
      const backwards = await solve(
        { problem, members: [...members].reverse() },
        { ...options(3), device },
      ).all();
      expect(bits(backwards.reverse())).toEqual(bits(together));
      // The batch did shrink on the way, and steps were rejected.
      expect(new Set(together.map(({ acceptedSteps }) => acceptedSteps)).size).toBeGreaterThan(1);
      expect(together.some(({ outcome }) => outcome === 'stationary')).toBe(true);
      if (how.control.kind === 'error' && how.scheme.mostStages === null)
        expect(together.some(({ rejectedSteps }) => rejectedSteps > 0)).toBe(true);
    },
  );

  it('are cut by padded width and chunk size, each member once', () => {
    expect([1, 2, 3, 4, 5, 8, 9, 16, 17].map(paddedWidth)).toEqual([4, 4, 4, 4, 8, 8, 16, 16, 32]);
    const members = [1, 8, 2, 5, 3, 4, 6].map((rank) =>
      drawnMember(problems[0]![1], 'gaussian', rank, 0, plain),
    );
    const cut = (size: number, path: Path) =>
      chunks(members, size, () => path, false).map(({ width, indices }) => [width, ...indices]);
    expect(cut(2, 'tensor-ops')).toEqual([
      [4, 0, 2],
      [4, 4, 5],
      [8, 1, 3],
      [8, 6],
    ]);
    expect(cut(100, 'tensor-ops')).toEqual([
      [4, 0, 2, 4, 5],
      [8, 1, 3, 6],
    ]);
    expect(cut(2, 'fused').map(([width]) => width)).toEqual([1, 8, 2, 5, 3, 4, 6]);
  });

  it('hold rank 3 at width 4 as if it were alone', async () => {
    const problem = linearRegression(gaussian(12, 9, 23, 0.4), covariance(9, 24));
    const start = toFactors(
      { loraA: gaussian(3, 9, 25, 0.4), loraB: gaussian(12, 3, 26, 0.2) },
      coefficients,
    );
    const { structure } = problem;
    if (structure.kind === 'autodiff') throw new Error('built in');
    const { saved } = await trace(problem, start, adaptive, until([3]), clock(coefficients));
    const [x, y] = saved[0]!.state;
    // The fourth column never leaves zero.
    expect([...x!, ...y!].every((value, at) => at % 4 !== 3 || value === 0)).toBe(true);
    const exact = flow64(tableaus.rk4, structure, start, 3 * clock(coefficients), 600);
    expect(relativeError(saved[0]!.factors.x.data, exact.x.data)).toBeLessThan(pathTolerance);
    expect(relativeError(saved[0]!.factors.y.data, exact.y.data)).toBeLessThan(pathTolerance);
    const early = flow64(tableaus.rk4, structure, start, 3, 600);
    expect(relativeError(saved[0]!.factors.x.data, early.x.data)).toBeGreaterThan(100 * pathTolerance);
  });
});

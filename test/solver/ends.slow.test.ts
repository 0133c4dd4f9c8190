/** Where trajectories end against the optimum of their rank, the truncated singular value decomposition. */
import { beforeAll, describe, expect, it } from 'vitest';
import { method } from '../../src/method/methods.js';
import { frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import { eckartYoungMirsky } from '../../src/theory/frobenius.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { plain } from '../support.js';
import { until, n, drawnMember } from './support.js';

describe.each([
  ['the fused kernel', 'fused', 32],
  // Each step is many calls, and some hundred steps are taken: fewer trials, for the same steps.
  ['tensor operations', 'tensor-ops', 2],
] as const)('end points of the Frobenius flow by %s', (_, kernel, trials) => {
  let device: Device;
  beforeAll(async () => void (device = await openDevice('wasm', { workers: 1 })));

  it('are the truncated decomposition, for every trial', async () => {
    const sigma = namedSpectrum('power:1', n);
    const problem = frobeniusFromSpectrum(sigma, n, n);
    const ranks = [1, 2, 4, 8].flatMap((rank) =>
      Array.from({ length: trials }, (_, trial) => ({ rank, trial })),
    );
    const members = ranks.map(({ rank, trial }) => drawnMember(problem, 'gaussian:0.1', rank, trial, plain));
    const trajectories = await solve(
      { problem, members },
      {
        method: method('bosh3', { rtol: 1e-4 }),
        stop: until([3000], { steadyTolerance: 1e-3 }),
        chunk: 128,
        device,
        kernel,
      },
    ).all();
    expect(trajectories).toHaveLength(members.length);
    const gaps = trajectories.map(({ outcome, last }, i) => {
      expect(['stationary', 'end-time']).toContain(outcome);
      const error = Math.sqrt(last.loss / problem.initialLoss!);
      const gap = (rank: number) => error / eckartYoungMirsky(sigma, rank).relativeError - 1;
      const { rank } = ranks[i]!;
      // Another rank's optimum is far away.
      expect(Math.abs(gap(rank + 1))).toBeGreaterThan(1e-2);
      return gap(rank);
    });
    // A gradient norm 1e-3 of the largest leaves a relative excess of the loss near its square.
    expect(Math.max(...gaps.map(Math.abs))).toBeLessThan(1e-4);
    // Nothing is below the optimum: it is reached from above, up to float32 rounding of the state.
    expect(Math.min(...gaps)).toBeGreaterThan(-1e-6);
  });
});

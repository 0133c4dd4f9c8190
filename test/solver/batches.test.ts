/** Trajectories in a batch against the same alone: nothing that shares a batch touches another, at any width or size. */
import { beforeAll, expect, it } from 'vitest';
import { toFactors } from '../../src/ensemble/adapter.js';
import { clock } from '../../src/flow/normalization.js';
import { tableaus } from '../../src/method/tableaus.js';
import { frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import type { Path } from '../../src/solver/paths.js';
import { chunks, paddedWidth } from '../../src/solver/solve.js';
import {
  eachBackend,
  useBackend,
  coefficients,
  covariance,
  flow64,
  gaussian,
  plain,
  relativeError,
} from '../support.js';
import { pathTolerance, adaptive, until, trace, drawnMember } from './support.js';
import { batchesOn } from './on/batches.js';
import { eachEngine, quickEngines } from '../engines.js';

const diagonal = frobeniusFromSpectrum(namedSpectrum('exp:0.5', 15), 20, 15);

eachEngine(quickEngines, 'batches by %s', batchesOn);

it('batches are cut by padded width and chunk size, each member once', () => {
  expect([1, 2, 3, 4, 5, 8, 9, 16, 17].map(paddedWidth)).toEqual([4, 4, 4, 4, 8, 8, 16, 16, 32]);
  const members = [1, 8, 2, 5, 3, 4, 6].map((rank) => drawnMember(diagonal, 'gaussian', rank, 0, plain));
  const cut = (size: number, path: Path) =>
    chunks(members, size, () => path).map(({ width, indices }) => [width, ...indices]);
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

eachBackend('batches by tensor operations on %s', (backend) => {
  beforeAll(() => useBackend(backend));

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

/** Trajectories of linear regression against an order-8 float64 integration by SciPy (reference/make_dop853.py). */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { dense } from '../../src/numbers/dense.js';
import { method } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { eachBackend, memberOf, relativeError, useBackend } from '../support.js';
import { pathTolerance, adaptive, until, updates, worstError } from './support.js';

let device: Device;

interface Reference {
  n: number;
  m: number;
  rank: number;
  s: number;
  kA: number;
  kB: number;
  times: number[];
  e: Raw;
  h: Raw;
  cases: { name: string; a0: Raw; b0: Raw; updates: Raw[]; losses: number[]; a: Raw; b: Raw }[];
}

interface Raw {
  rows: number;
  cols: number;
  data: number[];
}

const reference = JSON.parse(
  readFileSync(new URL('../reference/dop853.json', import.meta.url), 'utf8'),
) as Reference;

const read = ({ rows, cols, data }: Raw) => dense(rows, cols, Float64Array.from(data));

eachBackend('linear regression against DOP853 on %s', (backend) => {
  beforeAll(async () => void (device = await useBackend(backend)));

  const problem = linearRegression(read(reference.e), read(reference.h));
  const k = { scale: reference.s, lrRatioA: reference.kA, lrRatioB: reference.kB };

  // RK4 at rate * c * step = 0.05 has a global error near 0.05^4 = 6e-6 of what moves.
  const methods: [string, Method][] = [
    ['dopri5', adaptive],
    ['rk4', method('rk4', { step: 0.025 })],
    ['sharpverner6', method('sharpverner6', { rtol: 1e-6 })],
    ['dop853', method('dop853', { rtol: 1e-6 })],
  ];

  it.each(
    reference.cases.flatMap((one) => methods.map(([name, how]) => ({ start: one.name, name, how, one }))),
  )('from $start with $name', async ({ how, one }) => {
    const adapter = { loraA: read(one.a0), loraB: read(one.b0) };
    const expected = one.updates.map(({ data }) => data);
    const actual = await updates(problem, adapter, k, how, reference.times);
    expect(worstError(actual, expected)).toBeLessThan(pathTolerance);
    if (how === adaptive) {
      const swapped = { ...k, lrRatioA: k.lrRatioB, lrRatioB: k.lrRatioA };
      const wrong = await updates(problem, adapter, swapped, how, reference.times);
      expect(worstError(wrong, expected)).toBeGreaterThan(100 * pathTolerance);
    }

    const [trajectory] = await solve(
      { problem, members: [memberOf(adapter, k)] },
      {
        method: how,
        stop: until(reference.times),
        chunk: 1,
        device,
      },
    ).all();
    // Losses are computed in float64 from the float32 state: relative to the loss, twice the path's error or so.
    const losses = trajectory!.saved.map((o) => o!.loss);
    expect(relativeError(losses, one.losses)).toBeLessThan(pathTolerance);
  });
});

/** The late rates that `theory` prints against float64 integrations of the flow from the draws that they speak of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clock } from '../src/flow/normalization.js';
import { initialization } from '../src/ensemble/initialization.js';
import { writeSafetensors } from '../src/files/writeSafetensors.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { tableaus } from '../src/method/tableaus.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { member } from '../src/ensemble/member.js';
import { makePlan, type Cell } from '../src/sweep/plan.js';
import { theoryRows } from '../src/sweep/theory.js';
import { genericRate } from '../src/theory/lateRate.js';
import { balancedPath } from '../src/theory/balanced.js';
import { dense } from '../src/numbers/dense.js';
import { flow64, norm, product, useBackend } from './support.js';

beforeAll(() => useBackend('cpu'));

const work = mkdtempSync(join(tmpdir(), 'rankflow-rates-'));
afterAll(() => rmSync(work, { recursive: true }));

const STEP = 0.02;

/** Rate per time t at which s B A settles: the slope of the logarithm of how much it moves, where little is left. */
function measuredRate({ problem, coefficients, ...rest }: Cell, trial: number): number {
  const { structure } = problem;
  if (structure.kind !== 'diagonal' && structure.kind !== 'trace') throw new Error(structure.kind);
  let state = member({ problem, coefficients, ...rest }, trial, 3).initial();
  let update = product(state).data;
  const moves: number[] = [];
  const size = structure.kind === 'trace' ? 1 : structure.sigma[0]!;
  const interval = 0.5 / size;
  for (let k = 0; k < 400; k++) {
    state = flow64(tableaus.rk4, structure, state, interval, Math.ceil(interval / STEP));
    const next = product(state).data;
    moves.push(norm(next.map((value, i) => value - update[i]!)));
    update = next;
    if (moves.at(-1)! < 1e-11 * Math.max(...moves)) break;
  }
  const last = moves.length - 1;
  const from = moves.findLastIndex((move) => move > 1e3 * moves[last]!);
  return (clock(coefficients) * Math.log(moves[from]! / moves[last]!)) / ((last - from) * interval);
}

function never(): never {
  throw new Error('no cell');
}

async function cellsOf(input: SweepInput) {
  const plan = await makePlan(checkConfig(sweepSchema, input));
  return plan.cells.map((cell, i) => ({ cell, row: theoryRows(plan)[i]! }));
}

const shapes = { tall: '5x3', wide: '3x5', square: '3x3' };
const roomy = { square: '5x5', tall: '6x5' };

describe.each([
  ...Object.entries(shapes).map(([name, shape]) => ({ name, shape, spectrum: [3, 2, 1], ranks: [1, 2, 3] })),
  ...Object.entries(roomy).flatMap(([name, shape]) => [
    { name: `${name}, beyond the rank of E`, shape, spectrum: [2, 1], ranks: [2, 3, 5] },
    { name: `${name}, repeated`, shape, spectrum: [2, 1, 1, 1, 0.4], ranks: [1, 2, 4] },
  ]),
])('rates at $shape, $name', ({ shape, spectrum, ranks }) => {
  it.each(['gaussian:1e-3', 'zero-a:1e-3', 'small:1e-3', 'balanced:0.6', 'spectral:0.8'])(
    'from %s',
    async (init) => {
      const cells = await cellsOf({
        ...{
          spectrum,
          shape: [shape],
          ranks,
          init: [init],
          alpha: 0.9,
          lrRatioA: 1.2,
          lrRatioB: 0.7,
          trials: 1,
        },
      });
      for (const { cell, row } of cells) {
        if (row.rate === null) {
          // Small factors of both kinds, and columns beyond the rank of E: as slow as they are unbalanced.
          expect([init, row.rank > 2]).toEqual(['small:1e-3', true]);
          continue;
        }
        // Small factors change the rate by their squares, and the next exponential is still there.
        expect(Math.abs(measuredRate(cell, 0) / row.rate - 1)).toBeLessThan(0.03);
      }
    },
  );
});

it('is near the rates of draws that are neither small nor balanced', async () => {
  for (const shape of ['24x48', '40x24'])
    for (const { cell, row } of await cellsOf({
      ...{ spectrum: [4, 2, 1, 0.4], shape: [shape], ranks: [2, 3], init: ['kaiming'], trials: 4 },
    })) {
      const rates = Array.from({ length: 4 }, (_, trial) => measuredRate(cell, trial));
      for (const rate of rates) expect(Math.abs(rate / row.rate! - 1)).toBeLessThan(0.2);
    }
});

it('has the rate of the trace-squared loss at the mean squares of its draws', async () => {
  for (const init of [
    'kaiming',
    'gaussian:0.2',
    'zero-a:0.1',
    'orthogonal',
    'small:0.05',
    'balanced:0.4',
    'spectral',
  ]) {
    const [{ cell, row } = never()] = await cellsOf({
      ...{ loss: ['trace-squared'], spectrum: [1, 0.5], shape: ['40x40'], ranks: [8], init: [init] },
      ...{ alpha: 0.7, lrRatioA: 1.3, lrRatioB: 2, trials: 1 },
    });
    const draws = Array.from({ length: 200 }, (_, trial) => {
      const { x, y } = member(cell, trial, 5).initial();
      return norm(x.data) ** 2 + norm(y.data) ** 2;
    });
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    const rate = 2 * clock(cell.coefficients) * Math.hypot(1.5, mean / 2);
    // 200 draws of 320 normal entries or more: the mean square to sqrt(2 / 64000), three times over.
    expect(Math.abs(row.rate! / rate - 1)).toBeLessThan(0.02);
    expect(Math.abs(measuredRate(cell, 0) / row.rate! - 1)).toBeLessThan(0.3);
  }
});

it('says the mean squares of every draw, and 0 of zeros alone', () => {
  const size = { n: 30, m: 20, rank: 4, lrRatioA: 1.7, lrRatioB: 0.6 };
  const unitColumns = (rows: number, rank: number) => {
    const columns = dense(rows, rank);
    for (let i = 0; i < rank; i++) columns.data[i * rank + i] = 1;
    return columns;
  };
  for (const name of [
    'kaiming',
    'gaussian',
    'orthogonal',
    'spectral:2',
    'balanced:3',
    'small',
    'zero-a',
    'aligned:2',
  ]) {
    const form = initialization(name);
    const squares = { a: 0, b: 0 };
    const count = 400;
    for (let trial = 0; trial < count; trial++) {
      const { loraA, loraB } = form.draw({
        ...size,
        key: { seed: 1, rank: size.rank, trial },
        spectralDirections: (rank) => {
          const rows = dense(rank, size.m);
          for (let i = 0; i < rank; i++) rows.data[i * size.m + i] = 1;
          return rows;
        },
        descentTriples: (rank) => ({
          sigma: new Float64Array(rank),
          left: unitColumns(size.n, rank),
          right: unitColumns(size.m, rank),
        }),
      });
      squares.a += norm(loraA.data) ** 2 / count;
      squares.b += norm(loraB.data) ** 2 / count;
    }
    const said = form.squares(size)!;
    for (const key of ['a', 'b'] as const) {
      expect(said[key] === 0).toBe(squares[key] === 0);
      if (said[key] > 0) expect(Math.abs(squares[key] / said[key] - 1)).toBeLessThan(0.05);
    }
  }
});

it('takes given adapters as they are: balanced, or without a closed form', async () => {
  const file = (name: string, a: number[]) => {
    const path = join(work, name);
    writeSafetensors(path, {
      lora_A: { shape: [2, 3], data: Float32Array.from(a) },
      lora_B: { shape: [4, 2], data: new Float32Array(8) },
    });
    return path;
  };
  const balanced = file('balanced.safetensors', [0.6, 0.8, 0, 0, 0, 1]);
  const other = file('other.safetensors', [0.6, 0.8, 0.1, 0.5, 0, 1]);
  const rows = await cellsOf({ spectrum: [3, 2, 1], shape: ['4x3'], ranks: [2], init: [balanced, other] });
  // One column has the first two modes to choose from, the other the third alone.
  expect(rows[0]!.row.rate).toBeCloseTo(Math.hypot(3, 0.5) - Math.hypot(2, 0.5), 7);
  expect(Math.abs(measuredRate(rows[0]!.cell, 0) / rows[0]!.row.rate! - 1)).toBeLessThan(0.03);
  expect(rows[1]!.row.rate).toBeNull();
});

it('agrees with the balanced path of generic starts of either sign of lambda', () => {
  const shapesAndSigma: [number, number, number[]][] = [
    [5, 3, [3, 2, 1]],
    [3, 5, [3, 2, 1]],
    [5, 5, [3, 2, 1, 0, 0]],
    [4, 6, [2, 1, 1, 0]],
    [3, 3, [1, 1, 1]],
  ];
  for (const [n, m, sigma] of shapesAndSigma)
    for (let rank = 1; rank <= Math.min(n, m); rank++)
      for (const zeroX of [true, false]) {
        const q = (rows: number, trial: number) => {
          const { loraA } = initialization('balanced').draw({
            ...{ n, m: rows, lrRatioA: 1, lrRatioB: 1, key: { seed: 2, rank, trial } },
            spectralDirections: () => dense(0, 0),
            descentTriples: () => ({ left: dense(0, 0), sigma: new Float64Array(0), right: dense(0, 0) }),
          });
          const out = dense(rows, rank);
          for (let i = 0; i < rank; i++)
            for (let j = 0; j < rows; j++) out.data[j * rank + i] = loraA.data[i * rows + j]!;
          return out;
        };
        const zero = dense(zeroX ? n : m, rank);
        const [x0, y0] = zeroX ? [zero, q(m, 1)] : [q(n, 1), zero];
        const lambda = zeroX ? 1 : -1;
        const exact = balancedPath({ sigma: Float64Array.from(sigma), n, m, c: 1, lambda, x0, y0 }).rate;
        const moves = { x: !zeroX, y: zeroX };
        // An orthogonal matrix is no generic start of that kind: its modes are alone, as at full rank they all are.
        const last = sigma.filter((s) => s > 0)[rank - 1] ?? sigma.findLast((s) => s > 0)!;
        const expected =
          rank === (zeroX ? m : n)
            ? 2 * Math.hypot(last, 1 / 2)
            : genericRate({ sigma, n, m, rank, lambda, moves })!;
        expect(exact / expected).toBeCloseTo(1, 12);
      }
});

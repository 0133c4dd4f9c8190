/** Where numbers end: the floor of float32 and float64 against the ends of long integrations, and how it is printed. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend/useBackend.js';
import { formatAbove, formatInterval } from '../src/report/format.js';
import { sweepTable } from '../src/report/table.js';
import type { SweepInput } from '../src/sweep/config.js';
import { sweep } from '../src/run/sweep.js';
import type { CellSummary } from '../src/sweep/summary.js';

beforeAll(async () => void (await useBackend('wasm')));

/** Problems whose law is 0, so that all that is left is rounding. */
const problems: readonly SweepInput[] = [
  { spectrum: 'power:1', shape: ['12x8'], ranks: [8] },
  { spectrum: 'exp:0.5', shape: ['8x8'], ranks: [8], init: ['gaussian'] },
  { spectrum: 'step:3', shape: ['24x24'], ranks: [3] },
  { loss: ['trace-squared'], spectrum: 'power:1', shape: ['8x8'], ranks: [1, 8], init: ['spectral'] },
];

async function longEnds(precision: 'float32' | 'float64'): Promise<CellSummary[]> {
  const common: Omit<SweepInput, 'ranks'> = {
    backend: 'wasm',
    workers: 1,
    trials: 4,
    time: 3000,
    steady: null,
    saveTimes: [3000],
  };
  // The error that a tolerance lets pass is above the rounding of float64; a fixed step comes to rest on it.
  const how = precision === 'float64' ? ({ method: 'rk4', step: 0.25 } as const) : {};
  const cells: CellSummary[] = [];
  for (const input of problems) cells.push(...(await sweep({ ...common, ...input, ...how, precision })));
  return cells;
}

describe('the floor of accuracies', () => {
  it.each(['float32', 'float64'] as const)(
    'of %s lies above what rounding leaves, and near it',
    async (precision) => {
      const cells = (await longEnds(precision)).filter(({ law }) => law?.value === 0);
      expect(cells.length).toBe(4);
      const shares = cells.map(({ accuracy, accuracyFloor }) => accuracy.p95 / accuracyFloor!);
      for (const share of shares) expect(share).toBeLessThan(1);
      expect(Math.max(...shares)).toBeGreaterThan(0.02);
      const text = sweepTable(cells);
      expect(text).toContain(`< ${cells[0]!.accuracyFloor!.toExponential(1)}`);
      expect(text).not.toMatch(/\d\.\d{3}e-(?:[89]|\d\d)/);
    },
    60_000,
  );

  it('is that of nothing where the loss is not known in closed form, and of a size of the problem else', async () => {
    const [one, large] = await Promise.all(
      [1, 1e6].map((scale) =>
        sweep({
          ...{
            backend: 'wasm',
            workers: 1,
            trials: 1,
            spectrum: [scale],
            shape: ['4x4'],
            ranks: [1],
            time: 1,
          },
          ...{ loss: ['trace-squared'], init: ['gaussian'] },
        }),
      ),
    );
    expect(large![0]!.accuracyFloor! / one![0]!.accuracyFloor!).toBeCloseTo(1e6, 0);
  });
});

describe('numbers below a floor', () => {
  it('are printed as such, and others as they are', () => {
    expect(formatAbove(1e-9, 1.907e-6)).toBe('< 1.9e-6');
    expect(formatAbove(-1e-9, 1.907e-6)).toBe('< 1.9e-6');
    expect(formatAbove(2e-6, 1.907e-6)).toBe('2.000e-6');
    expect(formatAbove(1e-9, null)).toBe('1.000e-9');
    expect(formatAbove(null, 1)).toBe('-');
    expect(formatAbove(NaN, 1)).toBe('-');
    expect(formatInterval(1e-9, 2e-9, 1e-6)).toBe('< 1.0e-6');
    expect(formatInterval(1e-9, 2e-5, 1e-6)).toBe('[< 1.0e-6, 2.000e-5]');
    expect(formatInterval(NaN, 2e-5, 1e-6)).toBe('-');
  });
});

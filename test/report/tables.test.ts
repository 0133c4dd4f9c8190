/** Tables and the progress line against the words and digits that they must have. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { formatNumber } from '../../src/report/format.js';
import { progress } from '../../src/report/progress.js';
import { sweepTable, table } from '../../src/report/table.js';
import type { CellSummary } from '../../src/sweep/summary.js';
import { none, cellOf, one, two, broken } from './support.js';

describe('tables', () => {
  it('are stable and flag trajectories that had not become stationary', () => {
    const cells = two
      .slice(2, 6)
      .map((cell, index) => (index === 0 ? { ...cell, zScore: -0.123, accuracy: none } : cell));
    expect(`\n${sweepTable(cells)}\n`).toMatchInlineSnapshot(`
      "
      ┌────────────────┬──────┬─────────┬────────────────┬────────────────────┬────────────────────────────┬─────────┬───────────────────────────┐
      │ initialization │ rank │     law │ simulated mean │            95 % CI │         median [5 %, 95 %] │ z-score │ outcomes                  │
      ├────────────────┼──────┼─────────┼────────────────┼────────────────────┼────────────────────────────┼─────────┼───────────────────────────┤
      │ gaussian       │    4 │  0.1000 │              - │                  - │                          - │   -0.12 │ 28 stationary, 4 end-time │
      │ gaussian       │    8 │ 0.02000 │        0.02020 │ [0.01960, 0.02080] │ 0.02000 [0.01800, 0.02200] │       - │ 28 stationary, 4 end-time │
      │ spectral       │    1 │  0.8000 │         0.8080 │   [0.7840, 0.8320] │    0.8000 [0.7200, 0.8800] │       - │ 28 stationary, 4 end-time │
      │ spectral       │    2 │  0.4000 │         0.4040 │   [0.3920, 0.4160] │    0.4000 [0.3600, 0.4400] │       - │ 28 stationary, 4 end-time │
      └────────────────┴──────┴─────────┴────────────────┴────────────────────┴────────────────────────────┴─────────┴───────────────────────────┘
      Values are of: relative error.
      Law: Eckart-Young-Mirsky.
      z-score: of the mean square against the squared law, in standard errors.
      end-time: 16 of 128 trajectories had not become stationary by the end time; their error is that at the end time.
      "
    `);
  });

  it('say nothing of the end time when every trajectory is stationary', () => {
    const outcomes = { ...one[0]?.outcomes, 'end-time': 0, stationary: 32 } as CellSummary['outcomes'];
    const text = sweepTable(one.map((cell) => ({ ...cell, outcomes })));
    expect(text).not.toContain('end-time');
    expect(text).not.toContain('z-score');
    expect(text).not.toContain('initialization');
  });

  it('name stationary trajectories that stopped above the optimum', () => {
    const stationarity = { ...one[0]!.stationarity, optimum: 24, saddle: 3, short: 1 };
    const cells = one.map((cell) => (cell.rank === 2 ? { ...cell, stationarity } : cell));
    expect(sweepTable(one)).not.toMatch(/saddle|short/);
    expect(sweepTable(cells)).toContain('28 stationary (3 at a saddle, 1 short), 4 end-time');
    expect(sweepTable(cells)).toContain('saddle: 3 of 112 stationary trajectories');
    expect(sweepTable(cells)).toContain('short: 1 of 112 stationary trajectories');
  });

  it('show a dash for what is not a number, and count the diverged', () => {
    const text = sweepTable(broken);
    expect(text).not.toContain('NaN');
    expect(text).toContain(
      'diverged: 128 of 128 trajectories (the state, or its norm squared, left the range of its precision).',
    );
  });

  it('tell apart cells that differ in alpha alone', () => {
    const cells = [8, 16].map((alpha) => cellOf(4, { scaling: 'lora', scale: alpha / 4 }));
    expect(sweepTable(cells)).toContain('alpha');
  });

  it('of other things need no cells', () => {
    expect(table(['name', 'size'], [['a', '1']], [false, true])).toContain('│ a    │    1 │');
  });

  it('write numbers with four significant digits', () => {
    const values = [0, 1, 0.00012345, 9999.4, 9999.9, 12340, -0.5, NaN, Infinity, null];
    expect(values.map(formatNumber)).toEqual([
      ...['0', '1.000', '1.234e-4', '9999', '1.000e+4', '1.234e+4', '-0.5000', '-', '-', '-'],
    ]);
  });
});

describe('progress', () => {
  function capture(isTTY: boolean) {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 }) as unknown as NodeJS.WriteStream;
    const text = () => String((stream as unknown as PassThrough).read() ?? '');
    return { stream, text };
  }

  it('writes one line per tenth where there is no terminal', () => {
    const { stream, text } = capture(false);
    const shown = progress(1000, 'trajectories', stream);
    for (let done = 0; done <= 1000; done += 10) shown.update(done);
    shown.stop();
    const lines = text().trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[9]).toMatch(/^100 % \(1,000\/1,000 trajectories, [\d.,]+ trajectories\/s\)$/);
  });

  it('draws a bar with rate and time left on a terminal', () => {
    const { stream, text } = capture(true);
    const shown = progress(100, 'trajectories', stream);
    shown.update(50);
    shown.stop();
    expect(text()).toMatch(/50 % \| 50\/100 trajectories \| [\d.,]+ trajectories\/s \| .* left/);
  });
});

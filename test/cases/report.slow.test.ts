/** What a sweep says of trials that stopped where they should not be believed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { run, type Ran } from './run.js';

/** The rows of summary.csv in the folder `out`. */
const summary = ({ folder }: Ran): Record<string, string>[] =>
  parse(readFileSync(join(folder, 'out', 'summary.csv')), { columns: true });

describe('a sweep', () => {
  it('says that trials stopped at a saddle where the law is 0', async () => {
    const ran = await run(
      'rankflow sweep --backend wasm --spectrum 1,0.1 --shape 8x8 --ranks 1,2 --init small:1e-6 --trials 4 --out out',
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('4 stationary (4 at a saddle)');
    expect(ran.stdout).toMatch(/saddle: 4 of 8 stationary trajectories stopped at or near a saddle/);
    expect(readFileSync(join(ran.folder, 'out/report.html'), 'utf8')).toContain(
      '4 of 8 stationary trajectories',
    );
    expect(summary(ran).map(({ at_saddle }) => at_saddle)).toEqual(['0', '4']);
  });

  it('raises no alarm over a law that is rounding, at one rank or another', async () => {
    const ran = await run(
      'rankflow sweep --backend wasm --target $CASE/lowrect.npy --ranks 3,4,20 --trials 8 --out out',
      { inputs: 'rank-of-rounding-saddle-note' },
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout).not.toMatch(/saddle|short/);
    for (const { at_optimum, at_floor, at_saddle } of summary(ran))
      expect([Number(at_optimum) + Number(at_floor), at_saddle]).toEqual([8, '0']);
  });

  it('of a target that underflows is refused, or its trials are named', async () => {
    const ran = await run(
      'rankflow sweep --backend wasm --spectrum 1e-30 --shape 8x8 --ranks 1,2 --trials 4 --out out',
    );
    // Where such a scale is refused, that says it.
    if (ran.code !== 0) {
      expect(ran.code).toBe(2);
      expect(ran.stderr).toMatch(/^rankflow: invalid [^\n]+\n$/);
    } else expect(ran.stdout).toMatch(/saddle: 8 of 8 stationary|left out: the statistics are over 0 of 8/);
  });

  it('says how many trials its mean leaves out, everywhere', async () => {
    const ran = await run(
      'rankflow sweep --backend wasm --loss $CASE/loss.ts --shape 6x5 --ranks 2 --trials 12 --time 0.1 --out out',
      { inputs: 'nan-loss-counts-as-success' },
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('3 loss-not-finite');
    expect(ran.stdout).toContain('9 of 12');
    expect(ran.stdout).toContain('left out: the statistics are over 9 of 12 trajectories; 3 failed');
    const page = readFileSync(join(ran.folder, 'out/report.html'), 'utf8');
    expect(page).toContain('the statistics are over 9 of 12 trajectories');
    expect(summary(ran)[0]).toMatchObject({ trials: '12', accuracy_count: '9', accuracy_left_out: '3' });
  });
});

describe('a simulation', () => {
  it('says what its stationary ends are, and "<" for an excess that is rounding', async () => {
    const ran = await run(
      'rankflow simulate --backend wasm --spectrum 1,0.1 --shape 8x8 --rank 2 --init small:1e-6 --trials 2 --out a;' +
        'rankflow simulate --backend wasm --spectrum 1 --shape 8x8 --rank 1 --trials 2 --steady 1e-7 --time 1000 --out b',
    );
    expect(ran.stdout).toContain('stationary (saddle)');
    expect(ran.stdout).toContain('saddle: 2 of 2 trials stopped where a direction of the optimum is missing');
    expect(ran.stdout).toMatch(/│ < 1\.8e-12 │/);
  });
});

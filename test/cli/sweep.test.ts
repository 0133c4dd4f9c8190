/** `rankflow sweep`: what it writes and prints against laws and statistics computed here, and against itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  work,
  trialRows,
  done,
  type Row,
  parquet,
  number,
  json,
  sum,
  relative,
  put,
  tailLoss,
} from './support.js';

const ON_WASM = '--backend wasm --seed 5';

describe.concurrent('sweep', () => {
  const plain = `sweep --spectrum power:1 --shape 16x12 --ranks 1,2 --init gaussian:0.3,balanced:0.1 --trials 4 --steady ${ON_WASM}`;
  const sigma = Array.from({ length: 12 }, (_, i) => 1 / (i + 1));

  it('writes a whole folder, and prints the same as JSON alone', async () => {
    const { stdout, stderr } = await done(`${plain} --out whole --json`);
    const printed = JSON.parse(stdout);
    expect(stderr).not.toMatch(/TensorFlow/);
    const names = readdirSync(join(work, 'whole')).sort();
    expect(names).toEqual(
      [
        'arithmetic.json',
        'config.json',
        'curves.parquet',
        'plots',
        'report.html',
        'runs',
        'summary.csv',
        'summary.parquet',
        'trials',
      ].sort(),
    );
    expect(printed.folder).toBe('whole');

    const config = json('whole', 'config.json');
    expect(config).toEqual(printed.provenance);
    expect(config).toMatchObject({
      backend: 'wasm',
      precision: 'float32',
      seed: 5,
      tfjs: '4.22.0',
      runtime: `Node.js ${process.version}`,
    });
    expect(config.commit).toMatch(/^[0-9a-f]{40}(-dirty)?$/);
    expect(Date.now() - Date.parse(config.startedAt)).toBeLessThan(120_000);
    expect(config.config).toMatchObject({ ranks: [1, 2], trials: 4, steady: 1e-4, method: 'dopri5' });
    expect(config.config.saveTimes.at(-1)).toBe(config.config.time);

    const rows = await trialRows('whole');
    expect(rows.map(({ cell, trial }) => `${cell}/${trial}`)).toEqual(
      [0, 1, 2, 3].flatMap((cell) => [0, 1, 2, 3].map((trial) => `${cell}/${trial}`)),
    );
    const summary = await parquet('whole', 'summary.parquet');
    expect(summary).toEqual(printed.cells);
    const [header, ...lines] = readFileSync(join(work, 'whole', 'summary.csv'), 'utf8')
      .trim()
      .split('\n');
    expect(header?.split(',')).toEqual(Object.keys(summary[0] as Row));
    expect(lines).toHaveLength(4);

    const law = (r: number) => Math.sqrt(tailLoss(sigma, r) / tailLoss(sigma, 0));
    for (const cell of summary) {
      const r = number(cell, 'rank');
      expect(relative(number(cell, 'law'), law(r))).toBeLessThan(1e-12);
      expect(relative(number(cell, 'law'), law(3 - r))).toBeGreaterThan(0.1);
      expect(number(cell, 'optimum')).toBeCloseTo(tailLoss(sigma, r), 12);
      const own = rows.filter((row) => row['cell'] === cell['cell']);
      for (const row of own) {
        expect(row['outcome']).toBe('stationary');
        expect(relative(number(row, 'accuracy'), law(r))).toBeLessThan(1e-4);
        expect(relative(number(row, 'accuracy') ** 2 * tailLoss(sigma, 0), number(row, 'loss'))).toBeLessThan(
          1e-12,
        );
        expect(number(row, 'excess')).toBeCloseTo(number(row, 'loss') - tailLoss(sigma, r), 12);
      }
      expect(number(cell, 'accuracy_mean')).toBeCloseTo(
        sum(own.map((row) => number(row, 'accuracy'))) / 4,
        12,
      );
      expect([cell['outcome_stationary'], cell['trials'], cell['accuracy_count']]).toEqual([4, 4, 4]);
    }

    const curves = await parquet('whole', 'curves.parquet');
    expect(curves).toHaveLength(4 * config.config.saveTimes.length);
    for (const point of curves.slice(0, 5)) {
      const full = tailLoss(sigma, 0) * Math.exp(-2 * number(point, 'time'));
      expect(relative(number(point, 'full_fine_tuning'), full)).toBeLessThan(1e-9);
    }
    const plots = readdirSync(join(work, 'whole', 'plots'));
    for (const name of ['accuracy', 'loss', 'outcomes', 'time-to-optimum']) {
      expect(
        plots.filter((file) => file.startsWith(name) && file.endsWith('.svg')).length,
        name,
      ).toBeGreaterThan(0);
    }
    for (const file of plots) {
      const head = readFileSync(join(work, 'whole', 'plots', file))
        .subarray(0, 4)
        .toString('latin1');
      expect(head, file).toBe(file.endsWith('.png') ? '\x89PNG' : '<svg');
    }
    const page = readFileSync(join(work, 'whole', 'report.html'), 'utf8');
    expect(page).toContain('Eckart-Young-Mirsky');
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('prints a table, and runs again from the config that it wrote', async () => {
    const { stdout } = await done(`${plain} --out first`);
    for (const word of ['rank', 'law', '95 % CI', '4 stationary', 'Results: first'])
      expect(stdout).toContain(word);
    put('again.json', JSON.stringify({ ...json('first', 'config.json').config, out: 'again' }));
    await done('sweep --config again.json');
    expect(await trialRows('again')).toEqual(await trialRows('first'));
  });
});

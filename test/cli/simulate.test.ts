/** `rankflow simulate`: its tables and adapters against closed forms and decompositions computed here. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  work,
  done,
  parquet,
  number,
  relative,
  singularValues,
  tailLoss,
  target,
  base,
  finalLosses,
} from './support.js';

describe.concurrent('simulate', () => {
  const coefficients = '--scale 0.7 --lr-ratio-a 1.3 --lr-ratio-b 2.1';

  it.each(['balanced:0.2', 'spectral:0.4'])(
    'keeps adapters that give the loss it reports, and the closed form: %s',
    async (init) => {
      const out = `simulated-${init.split(':')[0]}`;
      const { stdout } = await done(
        `simulate --target conf/target.csv --base base.csv --rank 3 ${coefficients} --init ${init} --time 4 --save-times 0.5,1,2 --trials 3 --backend wasm --json --out ${out}`,
      );
      const report = JSON.parse(stdout);
      const trials = init.startsWith('spectral') ? 1 : 3;
      expect(report.times).toEqual([0.5, 1, 2, 4]);
      expect(report.trials).toHaveLength(trials);
      const functionals = await parquet(out, 'functionals.parquet');
      expect(functionals).toHaveLength(4 * trials);
      const losses = finalLosses(out, 0.7, base, target);
      const wrong = finalLosses(out, 1, base, target);
      const sigma = singularValues(Matrix.sub(target, base));
      losses.forEach((loss, trial) => {
        const row = functionals.find((at) => at['trial'] === trial && at['time'] === 4);
        expect(relative(number(row, 'loss'), loss)).toBeLessThan(1e-6);
        expect(relative(number(row, 'loss'), wrong[trial] as number)).toBeGreaterThan(1e-2);
        expect(number(row, 'excess')).toBeCloseTo(loss - tailLoss(sigma, 3), 4);
        expect(report.trials[trial].loss.at(-1)).toBe(row?.['loss']);
      });
      report.closedForm.loss.forEach((loss: number, k: number) => {
        expect(relative(report.trials[0].loss[k], loss)).toBeLessThan(1e-5);
      });
      expect(relative(report.trials[0].loss[0], report.closedForm.loss[1])).toBeGreaterThan(1e-3);
      const values = await parquet(out, 'singular-values.parquet');
      expect(values).toHaveLength(4 * 3 * trials);
      values
        .filter(({ trial }) => trial === 0)
        .forEach((row, i) => {
          const exact = report.closedForm.singularValues[Math.floor(i / 3)][i % 3];
          expect(Math.abs(number(row, 'value') - exact)).toBeLessThan(1e-4);
        });
      expect(readdirSync(join(work, out)).sort()).toEqual([
        'adapters.safetensors',
        'config.json',
        'functionals.parquet',
        'plots',
        'report.html',
        'singular-values.parquet',
        'trials.parquet',
      ]);
    },
  );
});

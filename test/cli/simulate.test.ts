/** `rankflow simulate`: its tables and adapters against closed forms and decompositions computed here. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/files/safetensors.js';
import {
  work,
  done,
  parquet,
  number,
  squares,
  relative,
  singularValues,
  tailLoss,
  target,
  base,
} from './support.js';

describe.concurrent('simulate', () => {
  const coefficients = '--scale 0.7 --lr-ratio-a 1.3 --lr-ratio-b 2.1';

  /** 1/2 |W0 + s B A - M|^2 of every trial of a folder. */
  function finalLosses(folder: string, s: number, w0: Matrix, m: Matrix): number[] {
    const file = readSafetensors(join(work, folder, 'adapters.safetensors'));
    const [a, b] = [file.get('lora_A'), file.get('lora_B')];
    const [trials, r] = a.shape as [number, number];
    expect(a.shape).toEqual([trials, r, m.columns]);
    expect(b.shape).toEqual([trials, m.rows, r]);
    return Array.from({ length: trials }, (_, k) => {
      const part = (data: Float64Array, rows: number, cols: number) =>
        Matrix.from1DArray(rows, cols, data.slice(k * rows * cols, (k + 1) * rows * cols));
      const update = part(b.data, m.rows, r)
        .mmul(part(a.data, r, m.columns))
        .mul(s);
      return squares(Matrix.add(w0, update).sub(m).to1DArray()) / 2;
    });
  }

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

  it('goes on from adapters that it saved', async () => {
    const common = `simulate --spectrum power:1 --shape 8x6 --vectors random --rank 2 ${coefficients} --trials 2 --backend cpu`;
    await Promise.all([
      done(`${common} --init small:0.3 --time 1 --out half`),
      done(`${common} --init small:0.3 --time 2 --out at-once`),
    ]);
    await done(`${common} --init half/adapters.safetensors --time 1 --out rest`);
    const [whole, rest, half] = await Promise.all(
      ['at-once', 'rest', 'half'].map((out) => parquet(out, 'trials.parquet')),
    );
    for (const trial of [0, 1]) {
      expect(relative(number(rest?.[trial], 'loss'), number(whole?.[trial], 'loss'))).toBeLessThan(1e-5);
      expect(relative(number(half?.[trial], 'loss'), number(whole?.[trial], 'loss'))).toBeGreaterThan(1e-3);
    }
  });

  it('starts PiSSA at W0, and ends at the best approximation of what the residual lacks', async () => {
    await done(
      'simulate --target conf/target.csv --base base.csv --init pissa --rank 2 --scale 3 --time 100 --save-times 1e-7 --backend cpu --out pissa',
    );
    const [start, end] = await parquet('pissa', 'functionals.parquet');
    expect(relative(number(start, 'loss'), squares(Matrix.sub(target, base).to1DArray()) / 2)).toBeLessThan(
      1e-5,
    );
    const svd = new SingularValueDecomposition(base);
    const leading = svd.leftSingularVectors
      .subMatrix(0, 8, 0, 1)
      .mmul(Matrix.diag(svd.diagonal.slice(0, 2)))
      .mmul(svd.rightSingularVectors.subMatrix(0, 6, 0, 1).transpose());
    const residual = Matrix.sub(base, leading);
    const optimum = tailLoss(singularValues(Matrix.sub(target, residual)), 2);
    expect(relative(number(end, 'loss'), optimum)).toBeLessThan(1e-3);
    expect(relative(finalLosses('pissa', 3, residual, target)[0] as number, optimum)).toBeLessThan(1e-3);
  });
});

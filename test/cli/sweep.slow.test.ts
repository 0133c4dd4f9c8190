/** Results of `rankflow sweep`, of every kind of loss, method and scaling, against laws and statistics computed here. */
import { EigenvalueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  covariance,
  doneServed as done,
  json,
  number,
  parquet,
  put,
  relative,
  type Row,
  singularValues,
  square,
  squares,
  sum,
  tailLoss,
  target,
  trialRows,
} from './support.js';

const ON_WASM = '--backend wasm --seed 5';

describe.concurrent('sweep', () => {
  it('finds the optimum of linear regression under a covariance', async () => {
    await done(
      `sweep --loss linear-regression --target conf/target.csv --covariance covariance.csv --ranks 1,3 --trials 3 --time 400 --steady 1e-5 ${ON_WASM} --out regression`,
    );
    // The squares of the singular values of E H^(1/2) are the eigenvalues of E H E^T.
    const weighted = target.mmul(covariance).mmul(target.transpose());
    const sigma = new EigenvalueDecomposition(weighted, { assumeSymmetric: true }).realEigenvalues
      .map((value) => Math.sqrt(Math.max(0, value)))
      .sort((a, b) => b - a);
    const unweighted = singularValues(target);
    for (const cell of await parquet('regression', 'summary.parquet')) {
      const r = number(cell, 'rank');
      const law = Math.sqrt(tailLoss(sigma, r) / tailLoss(sigma, 0));
      expect(relative(number(cell, 'law'), law)).toBeLessThan(1e-9);
      expect(relative(number(cell, 'accuracy_p50'), law)).toBeLessThan(1e-3);
      expect(relative(Math.sqrt(tailLoss(unweighted, r) / tailLoss(unweighted, 0)), law)).toBeGreaterThan(
        1e-2,
      );
    }
  });

  it('agrees with the Gaussian trace-squared law', async () => {
    await done(
      `sweep --loss trace-squared --base square.csv --ranks 1,2,4 --init gaussian --trials 64 --alpha 2 ${ON_WASM} --out trace`,
    );
    const [n, p] = [16, square.trace()];
    for (const cell of await parquet('trace', 'summary.parquet')) {
      const r = number(cell, 'rank');
      const expected = p ** 2 * ((n + r + 1) / (n * r + 2) - 1 / n);
      expect(relative(number(cell, 'law') ** 2, expected)).toBeLessThan(1e-9);
      const own = (await trialRows('trace')).filter((row) => row['cell'] === cell['cell']);
      const values = own.map((row) => number(row, 'distance') ** 2);
      const mean = sum(values) / 64;
      // At rank 1 the distance is the same for every draw, so there is no z-score.
      if (r === 1) {
        expect(cell['z_score']).toBeNull();
        expect(relative(mean, expected)).toBeLessThan(1e-3);
        continue;
      }
      const error = Math.sqrt(squares(values.map((value) => value - mean)) / 63 / 64);
      expect(number(cell, 'z_score')).toBeCloseTo((mean - expected) / error, 6);
      expect(Math.abs(number(cell, 'z_score'))).toBeLessThan(4);
      // The law of the other rank is many standard errors away.
      const other = p ** 2 * ((n + 6 - r + 1) / (n * (6 - r) + 2) - 1 / n);
      expect(Math.abs(mean - other) / error).toBeGreaterThan(4);
    }
  });

  it('takes a custom loss from a TypeScript file', async () => {
    const loss = `import type * as T from '@tensorflow/tfjs';
      const target: number[][] = ${JSON.stringify(target.to2DArray())};
      export default (w: T.Tensor3D, tf: typeof T) => tf.sum(tf.square(tf.sub(w, tf.tensor2d(target))), [1, 2]).mul(0.5);`;
    put('conf/distance.ts', loss);
    put(
      'conf/custom.yaml',
      'loss: [distance.ts]\nshape: [9x7]\nranks: [2, 7]\ntrials: 2\ntime: 300\nmethod: bosh3',
    );
    await done('sweep --config conf/custom.yaml --backend cpu --out custom');
    const sigma = singularValues(target);
    for (const row of await trialRows('custom')) {
      const r = number(row, 'rank');
      if (r === 2) expect(relative(number(row, 'loss'), tailLoss(sigma, 2))).toBeLessThan(1e-3);
      else expect(number(row, 'loss')).toBeLessThan(1e-3 * tailLoss(sigma, 2));
    }
    expect((await parquet('custom', 'summary.parquet')).map(({ law, metric }) => [law, metric])).toEqual([
      [null, 'loss'],
      [null, 'loss'],
    ]);
  });

  it('scales by rank', async () => {
    await done(
      'sweep --spectrum exp:0.5 --shape 6x8 --ranks 1,4 --scaling none,lora,rslora --alpha 3 --trials 1 --time 1 --backend cpu --out scaled',
    );
    expect(
      (await parquet('scaled', 'summary.parquet')).map(({ scaling, rank, scale }) => [scaling, rank, scale]),
    ).toEqual([
      ['none', 1, 3],
      ['none', 4, 3],
      ['lora', 1, 3],
      ['lora', 4, 0.75],
      ['rslora', 1, 3],
      ['rslora', 4, 1.5],
    ]);
  });

  it('advances by steps of a fixed size, and stops when steady', async () => {
    const common =
      'sweep --spectrum 2,1,0.5 --shape 5x4 --ranks 2 --init small:0.5 --trials 2 --seed 3 --backend cpu';
    const methods = ['rk4', 'gd-simultaneous', 'gd-a-then-b', 'gd-b-then-a'];
    await Promise.all([
      done(`${common} --time 0.3 --out dopri5`),
      ...methods.map((method) => done(`${common} --time 0.3 --method ${method} --step 0.01 --out ${method}`)),
      done(`${common} --time 900 --steady --out steady`),
      done(`${common} --time 900 --steady 0.1 --out early`),
    ]);
    const loss = async (folder: string) => number((await trialRows(folder))[0], 'loss');
    const exact = await loss('dopri5');
    expect(relative(await loss('rk4'), exact)).toBeLessThan(1e-5);
    const descents = await Promise.all(methods.slice(1).map(loss));
    for (const value of descents) {
      expect(relative(value, exact)).toBeLessThan(0.05);
      expect(relative(value, exact)).toBeGreaterThan(1e-4);
    }
    expect(new Set(descents).size).toBe(3);
    for (const row of await trialRows('rk4')) expect(row['accepted_steps']).toBe(30);
    const [steady, early] = await Promise.all(['steady', 'early'].map(trialRows));
    expect(steady?.map(({ outcome }) => outcome)).toEqual(['stationary', 'stationary']);
    expect(json('steady', 'config.json').config.steady).toBe(1e-4);
    expect(number(early?.[0], 'time')).toBeLessThan(number(steady?.[0], 'time'));
  });

  it('reads the same from a file as from flags, names files relative to it, and lets flags win', async () => {
    const yaml = [
      'loss: [frobenius]',
      'target: target.csv',
      'base: ../base.csv',
      'ranks: [1, 2]',
      'trials: 3',
    ];
    put('conf/sweep.yaml', [...yaml, 'init: [small:0.1]', 'lrRatioB: 2', 'time: 3', 'seed: 8'].join('\n'));
    put(
      'conf/list.json',
      JSON.stringify({ spectrum: 'sigma.csv', loss: ['frobenius'], shape: ['8x7'], ranks: [1] }),
    );
    put('conf/sigma.csv', '2\n1\n');
    const flags =
      '--target conf/target.csv --base base.csv --ranks 1,2 --trials 3 --init small:0.1 --lr-ratio-b 2 --time 3';
    await Promise.all([
      done(`sweep ${flags} --seed 8 --backend cpu --out flags`),
      done('sweep --config conf/sweep.yaml --backend cpu --out file'),
      done('sweep --config conf/sweep.yaml --backend cpu --out fewer --trials 2 --chunk 1'),
      done('sweep --config conf/sweep.yaml --backend cpu --out other --seed 9'),
      done('sweep --config conf/list.json --backend cpu --trials 1 --time 1 --out list'),
    ]);
    const rows = await trialRows('flags');
    expect(rows).toHaveLength(6);
    expect(await trialRows('file')).toEqual(rows);
    expect(await trialRows('fewer')).toEqual(rows.filter((row) => number(row, 'trial') < 2));
    expect((await trialRows('other')).map((row) => row['loss'])).not.toEqual(rows.map((row) => row['loss']));
  });

  it('says as JSON which rank is best under noise', async () => {
    const { stdout } = await done(
      `sweep --spectrum 2.5,1.5,0.6 --shape 40x60 --noise 0.8 --draws 3 --trials 1 --ranks 1,2,8 --time 40 ${ON_WASM} --json --out noisy`,
    );
    const { cells, tradeOffs } = JSON.parse(stdout);
    expect(tradeOffs).toHaveLength(1);
    expect(tradeOffs[0].draws).toBe(3);
    expect(tradeOffs[0].best.rank).toBe(2);
    expect(tradeOffs[0].ranks.map(({ risk }: { risk: { mean: number } }) => risk.mean)).toEqual(
      cells.map((cell: Row) => cell['risk_mean']),
    );
  });
});

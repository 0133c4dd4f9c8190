/** `rankflow simulate`: its tables and adapters against closed forms and decompositions computed here. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  doneServed as done,
  parquet,
  number,
  squares,
  relative,
  singularValues,
  tailLoss,
  target,
  base,
  finalLosses,
} from './support.js';

describe.concurrent('simulate', () => {
  const coefficients = '--scale 0.7 --lr-ratio-a 1.3 --lr-ratio-b 2.1';

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

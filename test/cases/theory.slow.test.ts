/** Closed forms as they are typed: at any time, at large sizes, from large matrices. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dense } from '../../src/numbers/dense.js';
import { multiplyTransposedRight } from '../../src/numbers/products.js';
import { qr } from '../../src/numbers/qr.js';
import { gaussian } from '../support.js';
import { emptyFolder, run } from './run.js';

interface Row {
  rank: number;
  optimum: number;
  relativeError: number;
  rate: number | null;
  isBound: boolean;
  floor: number;
  distance: number | null;
  fullFineTuningRate: number;
}

const rowsOf = (stdout: string) => JSON.parse(stdout) as Row[];

/** A .npy file of float64. */
function writeNpy(path: string, rows: number, cols: number, data: Float64Array): void {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${rows}, ${cols}), }`;
  const text = `${header.padEnd(128 - 10 - 1)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length, 0]);
  writeFileSync(path, Buffer.concat([start, Buffer.from(text, 'latin1'), Buffer.from(data.buffer)]));
}

describe('closed-form-long-time', () => {
  it.each(['1e10', '1e30', '1e300'])(
    'ends at --time %s, where the closed form is its limit',
    async (time) => {
      const { code, stdout } = await run(
        `rankflow simulate --backend wasm --spectrum 2,1 --shape 16x16 --rank 1 --trials 1 --time ${time} --max-steps 2000 --json --out out`,
      );
      expect(code).toBe(0);
      const { closedForm } = JSON.parse(stdout) as {
        closedForm: { name: string; loss: number[]; singularValues: number[][] };
      };
      expect(closedForm.name).toBe('balanced closed form');
      expect(closedForm.loss.at(-1)).toBeCloseTo(0.5, 14);
      expect(closedForm.singularValues.at(-1)![0]).toBeCloseTo(2, 13);
    },
  );
});

describe('theory', () => {
  it('is printed for large shapes and ranks without a draw or a decomposition', async () => {
    const inits = 'kaiming,gaussian,small,spectral,balanced,zero-a,orthogonal';
    const { code, stdout } = await run(
      `rankflow theory --loss trace-squared,frobenius --spectrum power:1 --shape 4096x4096 --ranks 2,64,4000 --init ${inits} --json
       rankflow theory --loss linear-regression --spectrum power:1 --covariance exp:0.001 --shape 4096x4096 --ranks 1,4000 --json > regression.json
       cat regression.json`,
    );
    expect(code).toBe(0);
    const [first, second] = stdout.split(/(?<=^\])/m) as [string, string];
    const rows = rowsOf(first);
    expect(rows).toHaveLength(2 * 7 * 3);
    for (const { rate, optimum } of rows) {
      expect(rate).toBeGreaterThan(0);
      expect(optimum).toBeGreaterThanOrEqual(0);
    }
    const [one] = rowsOf(second) as [Row];
    // sigma_i sqrt(h_i) = i^-1 e^(-(i - 1) / 2000)
    const squares = Array.from({ length: 4096 }, (_, i) => Math.exp(-0.001 * i) / (i + 1) ** 2);
    const least = squares.slice(1).reduceRight((sum, value) => sum + value, 0);
    expect(one.optimum).toBeCloseTo(least / 2, 12);
    expect(one.relativeError).toBeCloseTo(Math.sqrt(least / (least + squares[0]!)), 12);
    expect(one.fullFineTuningRate).toBeCloseTo(Math.exp(-4.095), 12);
  });

  it('knows which starts move the rows beyond the smaller side', async () => {
    const at = async (shape: string) => {
      const { stdout } = await run(
        `rankflow theory --spectrum 3,2,1 --shape ${shape} --ranks 3 --init gaussian:1e-6,zero-a:1e-6,small:1e-6 --json`,
      );
      return rowsOf(stdout).map(({ rate }) => Math.round(rate! * 1e6) / 1e6);
    };
    expect(await at('5x3')).toEqual([2, 1, 1]);
    expect(await at('3x5')).toEqual([1, 2, 1]);
    expect(await at('3x3')).toEqual([2, 2, 2]);
  });

  it('does not print what rounding leaves for a number, nor take it for a rate', async () => {
    const { code, stdout } = await run(
      `for i in 1 2 3 4 5; do echo 1,1,1,1; done > ones.csv
       rankflow theory --target ones.csv --ranks 1,4 --init zero-a:1e-6
       rankflow theory --target ones.csv --ranks 1,4 --init zero-a:1e-6 --json`,
    );
    expect(code).toBe(0);
    const lines = stdout.split('\n').filter((line) => line.includes('frobenius │'));
    expect(lines[0]).toMatch(/ 1 +│ < \d\S+e-\d\d +│ < 1\.1e-15 +│ < \S+ +│ 4\.472 │/);
    expect(lines[1]).toMatch(/ 4 +│ 0 +│ 0 +│ 0 +│ 4\.472 │/);
    for (const { floor } of rowsOf(stdout.slice(stdout.indexOf('\n[\n')))) expect(floor).toBe(5 * 2 ** -52);
  });

  it('takes the leading singular values of a large matrix, says so, and how far it is', async () => {
    const [n, m, rank] = [620, 540, 90];
    const sigma = Float64Array.from({ length: rank }, (_, i) => 4 / (i + 1));
    const orthonormal = (rows: number, seed: number) => qr(gaussian(rows, rank, seed)).q;
    const u = orthonormal(n, 1);
    const a = multiplyTransposedRight(
      dense(
        n,
        rank,
        u.data.map((value, at) => value * sigma[at % rank]!),
      ),
      orthonormal(m, 2),
    );
    const folder = emptyFolder();
    writeNpy(join(folder, 'big.npy'), n, m, a.data);
    const { code, stdout, stderr } = await run(
      `rankflow theory --target big.npy --ranks 1,16 --init small:1e-6 --json
       rankflow theory --target big.npy --ranks 16
       rankflow theory --target big.npy --ranks 1,16,100 --init small:1e-6 --json > whole.json; cat whole.json`,
      { folder },
    );
    expect(code).toBe(0);
    expect(stderr).toContain('17 leading singular values of 620 x 540 ...');
    expect(stderr).toContain('singular values of 620 x 540 ...\n');
    const [leading, rest] = stdout.split(/(?<=^\]\n)/m) as [string, string];
    expect(rest).toMatch(/Optima of 620x540, with relative errors and distances, are upper bounds/);
    const whole = rowsOf(rest.slice(rest.indexOf('\n[\n')));
    const bounds = rowsOf(leading);
    expect(bounds.map(({ isBound }) => isBound)).toEqual([true, true]);
    expect(whole.map(({ isBound }) => isBound)).toEqual([false, false, false]);
    const tail = (r: number) => sigma.subarray(r).reduceRight((sum, s) => sum + s * s, 0);
    for (const rows of [bounds, whole.slice(0, 2)])
      for (const { rank: r, optimum, relativeError, distance, rate } of rows) {
        expect(optimum / (tail(r) / 2) - 1).toBeLessThan(1e-5);
        expect(optimum / (tail(r) / 2) - 1).toBeGreaterThan(-1e-9);
        expect(relativeError).toBeCloseTo(Math.sqrt(tail(r) / tail(0)), 5);
        expect(distance).toBeCloseTo(Math.sqrt(tail(r)), 4);
        expect(rate! / (sigma[r - 1]! - sigma[r]!)).toBeCloseTo(1, 3);
      }
    // Beyond the rank of the matrix nothing is left but rounding, and small factors of both kinds have no rate.
    expect(whole[2]!.relativeError).toBeLessThan(1e-13);
    expect(whole[2]!.rate).toBeNull();
  });
});

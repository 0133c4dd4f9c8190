/** Matrices on which singular values once took for ever, or gave frames that are not orthogonal. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMatrix } from '../../src/files/matrix.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { writeSafetensors } from '../../src/files/writeSafetensors.js';
import { singularValues } from '../../src/numbers/svd.js';
import { relativeError } from '../support.js';
import { emptyFolder, run } from './run.js';

const inputs = new URL('inputs/', import.meta.url).pathname;

/** A folder with target.safetensors, its entries from a formula. */
function withTarget(n: number, m: number, entry: (i: number, j: number) => number): string {
  const folder = emptyFolder();
  const data = Float32Array.from({ length: n * m }, (_, at) => entry(Math.floor(at / m), at % m));
  writeSafetensors(join(folder, 'target.safetensors'), { target: { shape: [n, m], data } });
  return folder;
}

const theoryOf = async (folder: string) => {
  const { code, stdout, stderr } = await run(
    'rankflow theory --target target.safetensors --ranks 1,2 --json',
    {
      folder,
    },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { relativeError: number }[]).map((row) => row.relativeError);
};

describe('theory', () => {
  const tile = (i: number, j: number) => ((i >> 2) + (j >> 2)) % 2;
  it.each([
    ['all ones', 64, 64, () => 1, [0, 0]],
    ['equal rows', 48, 64, (_: number, j: number) => Math.sin(j + 1), [0, 0]],
    // As they are two blocks of ones, half of the square sum is left by rank 1.
    ['a checkerboard', 64, 40, (i: number, j: number) => (i + j) % 2, [Math.SQRT1_2, 0]],
    ['tiles of 4 x 4', 96, 96, tile, [Math.SQRT1_2, 0]],
    ['signs of tiles', 96, 80, (i: number, j: number) => 2 * tile(i, j) - 1, [0, 0]],
  ])('ends on %s, and knows its rank', async (_, n, m, entry, expected) => {
    const found = await theoryOf(withTarget(n, m, entry));
    found.forEach((error, k) => expect(Math.abs(error - expected[k]!)).toBeLessThan(1e-14));
  });
});

describe('singular values', () => {
  it('of subnormal entries are numbers, with the right sum of squares', () => {
    const file = readFileSync(join(inputs, 'svd-hang-subnormal/sub.npy'));
    const [rows, cols] = [12, 8];
    // As they lie in the file: a target like this may be refused before.
    const data = new Float64Array(rows * cols).map((_, at) =>
      file.readDoubleLE(file.length - 8 * (rows * cols - at)),
    );
    const sigma = singularValues({ rows, cols, data });
    const squares = (values: Float64Array) =>
      values.reduce((sum, value) => sum + (value * 2 ** 500 * 2 ** 530) ** 2, 0);
    // 310 decades down a number has some 13 digits.
    expect(Math.abs(squares(sigma) / squares(data) - 1)).toBeLessThan(1e-12);
  });

  it('of the gradient of a custom loss are found where all of it is one number', async () => {
    const { code, stdout } = await run(
      'rankflow simulate --backend wasm --loss $CASE/loss.ts --shape 64x64 --rank 2 --trials 2 --time 1 --out out',
      { inputs: 'svd-hang-custom-loss' },
    );
    expect(code).toBe(0);
    expect(stdout).toContain('end-time');
  });
});

/** The LoRA flow of f = 1/2 |B A - M|^2 by fourth-order Runge-Kutta steps in float64: B [n, r], A [r, m] at `time`. */
function flowed(target: Float64Array, n: number, m: number, b: Float64Array, a: Float64Array, time: number) {
  const r = a.length / m;
  const slopes = ([x, y]: readonly [Float64Array, Float64Array]) => {
    const [dx, dy] = [new Float64Array(n * r), new Float64Array(r * m)];
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++) {
        let left = target[i * m + j]!;
        for (let k = 0; k < r; k++) left -= x[i * r + k]! * y[k * m + j]!;
        for (let k = 0; k < r; k++) {
          dx[i * r + k]! += left * y[k * m + j]!;
          dy[k * m + j]! += left * x[i * r + k]!;
        }
      }
    return [dx, dy] as const;
  };
  const steps = 4000;
  const h = time / steps;
  const moved = (from: readonly [Float64Array, Float64Array], by: number, along: typeof from) =>
    [0, 1].map((side) => from[side]!.map((v, at) => v + by * along[side]![at]!)) as [
      Float64Array,
      Float64Array,
    ];
  let state: readonly [Float64Array, Float64Array] = [b, a];
  for (let step = 0; step < steps; step++) {
    const k1 = slopes(state);
    const k2 = slopes(moved(state, h / 2, k1));
    const k3 = slopes(moved(state, h / 2, k2));
    const k4 = slopes(moved(state, h, k3));
    state = moved(moved(moved(moved(state, h / 6, k1), h / 3, k2), h / 3, k3), h / 6, k4);
  }
  return state;
}

describe('the frame of a target with equal rows', () => {
  it('is orthogonal: adapters end where the flow in plain coordinates takes them', async () => {
    const name = 'svd-frame-not-orthogonal';
    const { code, folder } = await run(
      'rankflow simulate --backend wasm --target $CASE/rows24.npy --rank 3 --init $CASE/abr.safetensors' +
        ' --trials 1 --time 0.5 --save-times 0.001,0.1,0.5 --out out',
      { inputs: name },
    );
    expect(code).toBe(0);
    const tensor = (file: string, key: string) => Float64Array.from(readSafetensors(file).get(key).data);
    const factor = (file: string, side: string) =>
      tensor(
        file,
        [...readSafetensors(file).tensors.keys()].find((key) => key.includes(side))!,
      );
    const start = join(inputs, name, 'abr.safetensors');
    const end = join(folder, 'out/adapters.safetensors');
    const { rows: n, cols: m, data } = readMatrix(join(inputs, name, 'rows24.npy'));
    const [b, a] = flowed(data, n, m, factor(start, 'lora_B'), factor(start, 'lora_A'), 0.5);
    // float32, and steps of relative error 1e-6.
    expect(relativeError(factor(end, 'lora_B'), b)).toBeLessThan(1e-5);
    expect(relativeError(factor(end, 'lora_A'), a)).toBeLessThan(1e-5);
  });
});

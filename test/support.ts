/** What several test files share: backends, norms, float64 reference integration, and small builders. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { Matrix } from 'ml-matrix';
import { describe } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import type { HostStructure } from '../src/problem/structure.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { dense, type Dense } from '../src/numbers/dense.js';
import type { LowRank } from '../src/numbers/operator.js';
import { qr } from '../src/numbers/qr.js';
import { toFactors, type Adapter } from '../src/ensemble/adapter.js';
import type { Coefficients } from '../src/flow/coefficients.js';
import type { Factors } from '../src/problem/factors.js';
import { tableau, type Tableau, type TableauCoefficients } from '../src/method/tableau.js';
import { normals } from '../src/numbers/philox.js';
import { memberAt, type Member } from '../src/ensemble/member.js';
import { available } from './backends.js';

const names = ['cpu', 'wasm', 'tensorflow'] as const;
type Name = (typeof names)[number];

export const noTensorflow = !(await available('tensorflow'));

/** Puts TensorFlow.js on a backend; the device computes by tensor operations alone. */
export async function useBackend(name: Name): Promise<Device> {
  const device = await openDevice(name, { workers: 1 });
  await tf.setBackend(name);
  return { ...device, kernel: undefined };
}

/** The same tests for every backend; skipped on those that are not available. */
export function eachBackend(title: string, body: (backend: Name) => void): void {
  for (const name of names)
    describe.skipIf(name === 'tensorflow' && noTensorflow)(title.replace('%s', name), () => body(name));
}

/** Coefficients that all differ from 1 and from each other. */
export const coefficients: Coefficients = { scale: 0.7, lrRatioA: 1.3, lrRatioB: 2.1 };

export const plain: Coefficients = { scale: 1, lrRatioA: 1, lrRatioB: 1 };

/** Matrices of ml-matrix, which tests compare with, and back. */
export const toMatrix = (a: Dense): Matrix => Matrix.from1DArray(a.rows, a.cols, a.data);

export const fromMatrix = (a: Matrix): Dense => dense(a.rows, a.columns, Float64Array.from(a.to1DArray()));

export const norm = (a: ArrayLike<number>): number => Math.hypot(...Array.from(a));

/** |a - b| / |b| in the Euclidean (Frobenius) norm. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} entries`);
  return norm(Array.from(a, (value, i) => value - b[i]!)) / norm(b);
}

/** Entries N(0, std^2), rounded to float32, so that a float32 device and a float64 host see the same numbers. */
export const gaussian = (rows: number, cols: number, seed: number, std = 1): Dense =>
  dense(
    rows,
    cols,
    normals(rows * cols, { seed, rank: 0, trial: 0 }, 'mixing').map((value) => Math.fround(std * value)),
  );

/** A well-conditioned covariance [m, m], symmetric to the last bit and in float32 numbers. */
export function covariance(m: number, seed: number): Dense {
  const root = gaussian(m, m, seed, 1 / Math.sqrt(m));
  const out = dense(m, m);
  for (let i = 0; i < m; i++)
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? 0.5 : 0;
      for (let k = 0; k < m; k++) sum += 0.5 * root.data[i * m + k]! * root.data[j * m + k]!;
      out.data[i * m + j] = out.data[j * m + i] = Math.fround(sum);
    }
  return out;
}

/** shift I + U diag(weights) V^T [rows, cols] of k directions: U, V Gaussian, or of a symmetric one V = U orthonormal. */
export function fewDirections(
  rows: number,
  cols: number,
  k: number,
  seed: number,
  symmetric = false,
): LowRank {
  const left = symmetric ? qr(gaussian(rows, k, seed)).q : gaussian(rows, k, seed, 1 / Math.sqrt(rows));
  const right = symmetric ? left : gaussian(cols, k, seed + 1, 1 / Math.sqrt(cols));
  const weights = Float64Array.from({ length: k }, (_, j) => 2 / (j + 1));
  return { rows, cols, shift: symmetric ? 0.1 : 0, left, weights, right };
}

/** A low-rank matrix entry by entry. */
export function spelledOut({ rows, cols, shift, left, weights, right }: LowRank): Dense {
  const weighted = toMatrix(left).mmul(Matrix.diag([...weights]));
  return fromMatrix(weighted.mmul(toMatrix(right).transpose()).add(Matrix.eye(rows, cols).mul(shift)));
}

/** factor X Y^T [n, m] of factors with any number of columns. */
export function product({ x, y }: Factors, factor = 1): Dense {
  const out = dense(x.rows, y.rows);
  for (let i = 0; i < x.rows; i++)
    for (let j = 0; j < y.rows; j++) {
      let sum = 0;
      for (let k = 0; k < x.cols; k++) sum += x.data[i * x.cols + k]! * y.data[j * y.cols + k]!;
      out.data[i * y.rows + j] = factor * sum;
    }
  return out;
}

/** s B A [n, m]. */
export const updateOf = ({ loraA, loraB }: Adapter, s: number): Matrix =>
  Matrix.from1DArray(loraB.rows, loraB.cols, loraB.data)
    .mmul(Matrix.from1DArray(loraA.rows, loraA.cols, loraA.data))
    .mul(s);

/** One explicit Runge-Kutta step in float64. */
export function rungeKutta64(
  { a, b }: Pick<Tableau, 'a' | 'b'>,
  f: (z: Float64Array) => Float64Array,
  z: Float64Array,
  h: number,
): Float64Array {
  const stages: Float64Array[] = [];
  const moved = (weights: readonly number[]) =>
    z.map((value, i) => value + h * weights.reduce((sum, w, j) => sum + w * stages[j]![i]!, 0));
  for (const row of a) stages.push(f(moved(row)));
  return moved(b);
}

export function integrate64(
  tableau: Pick<Tableau, 'a' | 'b'>,
  f: (z: Float64Array) => Float64Array,
  z: Float64Array,
  time: number,
  steps: number,
): Float64Array {
  for (let i = 0; i < steps; i++) z = rungeKutta64(tableau, f, z, time / steps);
  return z;
}

/** The flow of the float64 twin from the given factors to normalized time tau. */
export function flow64(
  tableau: Tableau,
  structure: HostStructure,
  { x, y }: Factors,
  tau: number,
  steps: number,
): Factors {
  const cut = x.data.length;
  const field = (z: Float64Array) => {
    const { dX, dY } = evaluator(structure)(z.slice(0, cut), z.slice(cut), x.cols);
    return Float64Array.from([...dX, ...dY]);
  };
  const end = integrate64(tableau, field, Float64Array.from([...x.data, ...y.data]), tau, steps);
  return { x: dense(x.rows, x.cols, end.slice(0, cut)), y: dense(y.rows, y.cols, end.slice(cut)) };
}

/** A member that starts at an adapter whose coordinates are those of the flow. */
export const memberOf = (adapter: Adapter, k: Coefficients): Member => memberAt(toFactors(adapter, k), k);

/** So many small steps of a method as one of as many times its stages. */
export function inOne(times: number, { order, a, b }: TableauCoefficients): Tableau {
  const part = (row: readonly number[]) => row.map((value) => value / times);
  const before = (count: number) => Array.from({ length: count }, () => b).flat();
  return tableau({
    order,
    a: Array.from({ length: times }, (_, k) => a.map((row) => part([...before(k), ...row]))).flat(),
    b: part(before(times)),
  });
}

/**
 * The float64 twin of the LoRA flow: the loss and the flow of one trajectory at normalized factors
 * (src/method/system.ts), in plain loops. Every number that is reported of a built-in loss is computed here, in
 * float64, from the state that the device holds.
 */
import { transposed, type Dense } from '../../src/numbers/dense.js';
import type { Structure } from '../../src/problem/problem.js';

/** A built-in structure: all but autodiff, whose loss only a device can evaluate. */
export type HostStructure = Exclude<Structure, { kind: 'autodiff' }>;

export interface Evaluation {
  readonly loss: number;
  /** dX/dtau = -G Y [n, r] and dY/dtau = -G^T X [m, r]. */
  readonly dX: Float64Array;
  readonly dY: Float64Array;
  /** |X Y^T - D|_F, D the update that full fine-tuning ends with. */
  readonly distance: number;
}

/** Factors with their Gram matrices X^T X and Y^T Y [r, r]. */
interface WithGrams {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly r: number;
  readonly xx: Float64Array;
  readonly yy: Float64Array;
}

/** The evaluation at X [n, r] and Y [m, r], with X^T X and Y^T Y [r, r], which it needs. */
export type Evaluate = (
  x: Float64Array,
  y: Float64Array,
  r: number,
) => Evaluation & Pick<WithGrams, 'xx' | 'yy'>;

/** Prepares the evaluation of a structure: what does not depend on the state is computed once. */
export function evaluator(structure: HostStructure): Evaluate {
  const at = prepared(structure);
  return (x, y, r) => {
    const [xx, yy] = [gram(x, x, r), gram(y, y, r)];
    return { ...at({ x, y, r, xx, yy }), xx, yy };
  };
}

/** Prepares the evaluation of the loss alone. */
export function lossOf(structure: HostStructure): (x: Float64Array, y: Float64Array, r: number) => number {
  switch (structure.kind) {
    case 'diagonal':
      return (x, y, r) => diagonalLoss(structure.sigma, { x, y, r, xx: gram(x, x, r), yy: gram(y, y, r) });
    case 'trace':
      return (x, y) => (structure.trace0 + dot(x, y)) ** 2 / 2;
    case 'quadratic': {
      const evaluate = evaluator(structure);
      return (x, y, r) => evaluate(x, y, r).loss;
    }
  }
}

function prepared(structure: HostStructure): (at: WithGrams) => Evaluation {
  switch (structure.kind) {
    case 'diagonal':
      return (at) => diagonal(structure.sigma, at);
    case 'quadratic': {
      const { error, covariance } = structure;
      const energies = energiesOf(error, covariance);
      return (at) => quadratic(error, covariance, energies, at);
    }
    case 'trace':
      return (at) => trace(structure.trace0, at);
  }
}

function diagonal(sigma: Float64Array, at: WithGrams): Evaluation {
  const { x, y, r, xx, yy } = at;
  const ey = new Float64Array(x.length);
  const ex = new Float64Array(y.length);
  sigma.forEach((s, i) => {
    for (let j = i * r; j < (i + 1) * r; j++) {
      ey[j] = s * y[j]!;
      ex[j] = s * x[j]!;
    }
  });
  const loss = diagonalLoss(sigma, at);
  return {
    loss,
    dX: subtractProduct(ey, x, yy, r),
    dY: subtractProduct(ex, y, xx, r),
    distance: Math.sqrt(2 * loss),
  };
}

/** The smallest terms first. */
function diagonalLoss(sigma: Float64Array, { x, y, r, xx, yy }: WithGrams): number {
  let [overlap, energy] = [0, 0];
  for (let i = sigma.length - 1; i >= 0; i--) {
    const s = sigma[i]!;
    energy += s * s;
    for (let j = i * r; j < (i + 1) * r; j++) overlap += s * x[j]! * y[j]!;
  }
  return Math.max(0, energy / 2 - overlap + dot(xx, yy) / 2);
}

function quadratic(
  error: Dense,
  covariance: Dense | null,
  { plain, weighted }: Energies,
  { x, y, r, xx, yy }: WithGrams,
): Evaluation {
  const hy = covariance ? product(covariance, y, r) : y;
  const ehy = product(error, hy, r);
  const ex = productTransposed(error, x, r);
  const hex = covariance ? product(covariance, ex, r) : ex;
  const residual = (value: number, overlap: number, gramY: Float64Array) =>
    Math.max(0, value / 2 - overlap + dot(xx, gramY) / 2);
  const yhy = covariance ? gram(y, hy, r) : yy;
  // Before the flow, which is formed in place of E H Y and H E^T X.
  const loss = residual(weighted, dot(x, ehy), yhy);
  const distance = Math.sqrt(2 * residual(plain, dot(ex, y), yy));
  return { loss, dX: subtractProduct(ehy, x, yhy, r), dY: subtractProduct(hex, hy, xx, r), distance };
}

function trace(trace0: number, { x, y, r, xx, yy }: WithGrams): Evaluation {
  const updateTrace = dot(x, y);
  const p = trace0 + updateTrace;
  const n = x.length / r;
  const update2 = dot(xx, yy);
  return {
    loss: (p * p) / 2,
    dX: y.map((value) => -p * value),
    dY: x.map((value) => -p * value),
    distance: Math.sqrt(Math.max(0, update2 + (2 * updateTrace + trace0) * (trace0 / n))),
  };
}

interface Energies {
  /** |E|_F^2 */
  readonly plain: number;
  /** tr(E H E^T) */
  readonly weighted: number;
}

function energiesOf(error: Dense, covariance: Dense | null): Energies {
  const plain = dot(error.data, error.data);
  if (!covariance) return { plain, weighted: plain };
  const { data: eT, cols: n } = transposed(error);
  return { plain, weighted: dot(eT, product(covariance, eT, n)) };
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** a^T b [r, r] of two [rows, r] matrices whose product is symmetric, as a^T a and a^T H a are. */
export function gram(a: Float64Array, b: Float64Array, r: number): Float64Array {
  const out = new Float64Array(r * r);
  for (let row = 0; row < a.length; row += r)
    for (let i = 0; i < r; i++) {
      const ai = a[row + i]!;
      for (let j = i; j < r; j++) out[i * r + j]! += ai * b[row + j]!;
    }
  for (let i = 0; i < r; i++) for (let j = 0; j < i; j++) out[i * r + j] = out[j * r + i]!;
  return out;
}

/** z - a g, in place of z: z and a [rows, r], g [r, r]. */
function subtractProduct(z: Float64Array, a: Float64Array, g: Float64Array, r: number): Float64Array {
  for (let row = 0; row < a.length; row += r)
    for (let i = 0; i < r; i++) {
      const ai = a[row + i]!;
      for (let j = 0; j < r; j++) z[row + j]! -= ai * g[i * r + j]!;
    }
  return z;
}

/** a z [rows, r] of a [rows, cols] and z [cols, r]. */
function product({ rows, cols, data }: Dense, z: Float64Array, r: number): Float64Array {
  const out = new Float64Array(rows * r);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < cols; k++) {
      const a = data[i * cols + k]!;
      for (let j = 0; j < r; j++) out[i * r + j]! += a * z[k * r + j]!;
    }
  return out;
}

/** a^T z [cols, r] of a [rows, cols] and z [rows, r]. */
function productTransposed({ rows, cols, data }: Dense, z: Float64Array, r: number): Float64Array {
  const out = new Float64Array(cols * r);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < cols; k++) {
      const a = data[i * cols + k]!;
      for (let j = 0; j < r; j++) out[k * r + j]! += a * z[i * r + j]!;
    }
  return out;
}

/**
 * The float64 twin of the LoRA flow: the loss and the flow of one trajectory at normalized factors
 * (src/method/system.ts), in plain loops. Every number that is reported of a built-in loss is computed here, in
 * float64, from the state that the device holds.
 */
import { dense, transposed, type Dense } from '../../src/numbers/dense.js';
import { dot, gram } from '../../src/numbers/gram.js';
import type { HostStructure } from '../../src/problem/problem.js';

export interface Evaluation {
  readonly loss: number;
  /** Loss above the least of the rank, without cancellation; null where it is no more than a difference. */
  readonly excess: number | null;
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
  if (structure.kind === 'diagonal') return (x, y, r) => diagonal(structure.sigma, x, y, r);
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
      return (x, y, r) => {
        const { sigma } = structure;
        return aboveOptimum(sigma, x, y, r, splitGrams(sigma, x, y, r)).loss;
      };
    case 'trace':
      return (x, y) => (structure.trace0 + dot(x, y)) ** 2 / 2;
    case 'quadratic': {
      const evaluate = evaluator(structure);
      return (x, y, r) => evaluate(x, y, r).loss;
    }
  }
}

function prepared(structure: Exclude<HostStructure, { kind: 'diagonal' }>): (at: WithGrams) => Evaluation {
  switch (structure.kind) {
    case 'quadratic': {
      const { error, covariance } = structure;
      const energies = energiesOf(error, covariance);
      return (at) => quadratic(error, covariance, energies, at);
    }
    case 'trace':
      return (at) => trace(structure.trace0, at);
  }
}

function diagonal(sigma: Float64Array, x: Float64Array, y: Float64Array, r: number): ReturnType<Evaluate> {
  const grams = splitGrams(sigma, x, y, r);
  const [xx, yy] = [entrywiseSum(grams.x1, grams.x2), entrywiseSum(grams.y1, grams.y2)];
  const ey = new Float64Array(x.length);
  const ex = new Float64Array(y.length);
  sigma.forEach((s, i) => {
    for (let j = i * r; j < (i + 1) * r; j++) {
      ey[j] = s * y[j]!;
      ex[j] = s * x[j]!;
    }
  });
  const { loss, excess } = aboveOptimum(sigma, x, y, r, grams);
  return {
    ...{ loss, excess, xx, yy },
    dX: subtractProduct(ey, x, yy, r),
    dY: subtractProduct(ex, y, xx, r),
    distance: Math.sqrt(2 * loss),
  };
}

/** Gram matrices [r, r] of the rows of the factors that meet the leading part of E, and of those that do not. */
interface SplitGrams {
  readonly x1: Float64Array;
  readonly x2: Float64Array;
  readonly y1: Float64Array;
  readonly y2: Float64Array;
}

/** Entries of a factor in the rows that meet the leading part of E. */
const cutOf = (sigma: Float64Array, r: number): number => Math.min(r, sigma.length) * r;

function splitGrams(sigma: Float64Array, x: Float64Array, y: Float64Array, r: number): SplitGrams {
  const cut = cutOf(sigma, r);
  const of = (z: Float64Array) => gram(z, z, r);
  return {
    x1: of(x.subarray(0, cut)),
    x2: of(x.subarray(cut)),
    y1: of(y.subarray(0, cut)),
    y2: of(y.subarray(cut)),
  };
}

const entrywiseSum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]!);

/**
 * f* = 1/2 sum_{i > r} sigma_i^2 of the best update E_r, the leading part of E = diag(sigma), and the loss above it,
 * f - f* = 1/2 |R|^2 - <R, E - E_r> for R = X Y^T - E_r. R is small near the optimum, so that nothing is lost there as it
 * is where |E|^2 is a term; its three blocks beside the leading [r, r] one are products of Gram matrices.
 */
function aboveOptimum(
  sigma: Float64Array,
  x: Float64Array,
  y: Float64Array,
  r: number,
  grams: SplitGrams,
): { readonly loss: number; readonly excess: number } {
  const cut = cutOf(sigma, r);
  let [tail, overlap, square] = [0, 0, 0];
  // The smallest terms first.
  for (let i = sigma.length - 1; i * r >= cut; i--) {
    tail += sigma[i]! ** 2;
    for (let j = i * r; j < (i + 1) * r; j++) overlap += sigma[i]! * x[j]! * y[j]!;
  }
  for (let i = 0; i < cut; i += r)
    for (let k = 0; k < cut; k += r) {
      let entry = i === k ? -sigma[i / r]! : 0;
      for (let j = 0; j < r; j++) entry += x[i + j]! * y[k + j]!;
      square += entry * entry;
    }
  square += dot(grams.x1, grams.y2) + dot(grams.x2, grams.y1) + dot(grams.x2, grams.y2);
  const excess = Math.max(0, square / 2 - overlap);
  return { loss: tail / 2 + excess, excess };
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
  const residual = (value: number, overlap: number, gramY: Float64Array, weights: Dense | null) => {
    const half = value / 2 - overlap + dot(xx, gramY) / 2;
    return half > LOST * value ? half : halfResidual(error, weights, x, y, r);
  };
  const yhy = covariance ? gram(y, hy, r) : yy;
  // Before the flow, which is formed in place of E H Y and H E^T X.
  const loss = residual(weighted, dot(x, ehy), yhy, covariance);
  const distance = Math.sqrt(2 * residual(plain, dot(ex, y), yy, null));
  return {
    ...{ loss, excess: null, distance },
    dX: subtractProduct(ehy, x, yhy, r),
    dY: subtractProduct(hex, hy, xx, r),
  };
}

/** Of terms that a difference is made of, what it is when half of its digits are lost: it is formed otherwise then. */
const LOST = 1e-8;

/** 1/2 tr(R H R^T) of the residual R = X Y^T - E [n, m], which is formed. */
function halfResidual(
  error: Dense,
  covariance: Dense | null,
  x: Float64Array,
  y: Float64Array,
  r: number,
): number {
  const { rows: n, cols: m, data } = error;
  // Its transpose [m, n], of which H takes products.
  const residual = new Float64Array(m * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < m; k++) {
      let entry = -data[i * m + k]!;
      for (let j = 0; j < r; j++) entry += x[i * r + j]! * y[k * r + j]!;
      residual[k * n + i] = entry;
    }
  return dot(residual, covariance ? product(covariance, residual, n) : residual) / 2;
}

function trace(trace0: number, { x, y, r, xx, yy }: WithGrams): Evaluation {
  const updateTrace = dot(x, y);
  const p = trace0 + updateTrace;
  const n = x.length / r;
  const update2 = dot(xx, yy);
  const own = trace0 ** 2 / n;
  const square = update2 + 2 * updateTrace * (trace0 / n) + own;
  return {
    loss: (p * p) / 2,
    excess: null,
    dX: y.map((value) => -p * value),
    dY: x.map((value) => -p * value),
    distance: Math.sqrt(
      square > LOST * own ? square : 2 * halfResidual(multipleOfIdentity(-trace0 / n, n), null, x, y, r),
    ),
  };
}

function multipleOfIdentity(value: number, n: number): Dense {
  const out = dense(n, n);
  for (let i = 0; i < n; i++) out.data[i * n + i] = value;
  return out;
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

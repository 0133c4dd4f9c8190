/**
 * The lambda-balanced flow (balanced.ts) in the eigenvectors of F: the state at one time, its loss as the optimum of
 * what has been learned plus the rest, in which nothing cancels.
 */
import type { Coupling } from './coupling.js';
import { dense, type Dense } from '../numbers/dense.js';
import {
  growthOver,
  reduced,
  rowScale,
  type Eigenvalue,
  type Member,
  type Start,
} from './dominantSubspace.js';
import { dot } from '../numbers/gram.js';
import {
  gramByRows,
  inverseRootOfOnePlus,
  orthonormalized,
  productWithTransposed,
  subtractProjection,
} from './smallMatrices.js';

export interface BalancedInput extends Coupling {
  /** Diagonal of E, [min(n, m)], in any order. */
  readonly sigma: Float64Array;
  readonly n: number;
  readonly m: number;
  /** lambda, of either sign. */
  readonly lambda: number;
  /** X at the start, in the spectral frame [n, r]. */
  readonly x0: Dense;
  /** Y at the start, in the spectral frame [m, r]. */
  readonly y0: Dense;
}

/** A row of X and a row of Y that E ties together, or one of them where it ties it to nothing. */
interface Mode {
  /** Rows of X and Y; -1: none. */
  readonly x: number;
  readonly y: number;
  /** 0 for a single row. */
  readonly sigma: number;
  /** x = cos z_row + sin z_partner, y = sin z_row - cos z_partner. */
  readonly cos: number;
  readonly sin: number;
  /** Rows of Z: of the eigenvalue +-sqrt(a^2 + c^2 sigma^2); a single row has no partner (-1). */
  readonly row: number;
  readonly partner: number;
}

export interface BalancedStart extends Start {
  readonly modes: readonly Mode[];
  readonly n: number;
  readonly m: number;
}

/** The start in the eigenvectors of the blocks [[-a, c sigma], [c sigma, a]] of F, a = c^2 lambda / 2. */
export function modesOf({ sigma, n, m, c = 1, lambda, x0, y0 }: BalancedInput): BalancedStart {
  const r = x0.cols;
  const a = (c * c * lambda) / 2;
  const eigenvalues: Eigenvalue[] = [];
  const modes: Mode[] = [];
  const groups = new Map<string, Member[]>();
  const add = (key: string, mode: Omit<Mode, 'row' | 'partner'>, signs: readonly (1 | -1)[]) => {
    const kappa = c * mode.sigma;
    const row = eigenvalues.length;
    const member = { row, partner: signs.length === 2 ? row + 1 : -1 };
    for (const sign of signs) eigenvalues.push({ sign, kappa, size: Math.hypot(a, kappa) });
    modes.push({ ...mode, ...member });
    if (!groups.get(key)?.push(member)) groups.set(key, [member]);
  };
  for (let i = 0; i < Math.max(n, m); i++) {
    const s = sigma[i] ?? 0;
    if (s !== 0) {
      const kappa = c * s;
      const size = Math.hypot(a, kappa);
      // The eigenvector of +size, in the form in which nothing cancels.
      const [x, y] = a >= 0 ? [kappa, size + a] : [size - a, kappa];
      const length = Math.hypot(x, y);
      add(String(s), { x: i, y: i, sigma: s, cos: x / length, sin: y / length }, [1, -1]);
    } else {
      if (i < n) add('x', { x: i, y: -1, sigma: 0, cos: 1, sin: 0 }, [a > 0 ? -1 : 1]);
      if (i < m) add('y', { x: -1, y: i, sigma: 0, cos: 0, sin: 1 }, [a < 0 ? -1 : 1]);
    }
  }
  const z = new Float64Array(eigenvalues.length * r);
  for (const { x, y, cos, sin, row, partner } of modes)
    for (let j = 0; j < r; j++) {
      const [xj, yj] = [x < 0 ? 0 : x0.data[x * r + j]!, y < 0 ? 0 : y0.data[y * r + j]!];
      z[row * r + j] = cos * xj + sin * yj;
      if (partner >= 0) z[partner * r + j] = sin * xj - cos * yj;
    }
  return { c, eigenvalues, z, columns: r, groups: [...groups.values()], modes, n, m };
}

export interface BalancedState {
  /** X [n, r] and Y [m, r]. */
  factors(): { x: Dense; y: Dense };
  loss(): number;
}

/** The state at a finite time t >= 0. */
export function balancedState(start: BalancedStart, t: number): BalancedState {
  const { modes, columns: r, n, m } = start;
  const { rows, inside, excess, restore } = t === 0 ? atRest(start) : rowsAt(start, t);
  return {
    factors() {
      const own = rows.slice();
      restore(own, r);
      const [x, y] = [dense(n, r), dense(m, r)];
      for (const mode of modes) {
        if (mode.x >= 0) x.data.set(rowOfX(own, mode, r), mode.x * r);
        if (mode.y >= 0) y.data.set(rowOfY(own, mode, r), mode.y * r);
      }
      return { x, y };
    },
    loss: () => lossOf(start, rows, inside, excess),
  };
}

const rowOfX = (rows: Float64Array, { x, cos, sin, row, partner }: Mode, r: number): Float64Array =>
  Float64Array.from({ length: r }, (_, j) =>
    x < 0 ? 0 : cos * rows[row * r + j]! + (partner < 0 ? 0 : sin * rows[partner * r + j]!),
  );

const rowOfY = (rows: Float64Array, { y, cos, sin, row, partner }: Mode, r: number): Float64Array =>
  Float64Array.from({ length: r }, (_, j) =>
    y < 0 ? 0 : sin * rows[row * r + j]! - (partner < 0 ? 0 : cos * rows[partner * r + j]!),
  );

interface Rows {
  /** R(t) in the eigenvectors of F [rows, r], rotated within groups. */
  readonly rows: Float64Array;
  /** The rows that stay: their R R^T goes to diag(2 nu / c^2), that of all others to 0. */
  readonly inside: readonly number[];
  /** R R^T - diag(2 nu / c^2) of the rows that stay, [inside, inside]. */
  readonly excess: Float64Array;
  restore(rows: Float64Array, width: number): void;
}

const atRest = ({ z }: BalancedStart): Rows => ({
  rows: z,
  inside: [],
  excess: new Float64Array(0),
  restore: () => undefined,
});

/**
 * R(t) from the orthonormal factor of S C = [I 0; T21 T22] (rows that stay first): with T22 made orthonormal and taken
 * out of T21, R R^T of the rows that stay is that of (I + H)^{-1}, H = T21^T T21, whose distance from I is
 * H (I + H)^{-1}.
 */
function rowsAt(start: BalancedStart, t: number): Rows {
  const { eigenvalues, columns: r, c } = start;
  const count = eigenvalues.length;
  const { z, pivots, inside: staying, restore } = reduced(start, t);
  const scales = eigenvalues.map((nu) => rowScale(nu, c, t));
  const entry = (k: number, column: number) => {
    const p = pivots[column]!;
    const value = (z[k * r + column]! / z[p * r + column]!) * ((scales[k] ?? 1) / (scales[p] ?? 1));
    return timesExponential(value, t * growthOver(eigenvalues[k], eigenvalues[p]));
  };
  const inside = staying.map((column) => pivots[column]!);
  const passing = pivots.map((_, column) => column).filter((column) => !staying.includes(column));
  const ofInside = new Set(inside);
  const outside = Array.from({ length: count + r }, (_, k) => k).filter((k) => !ofInside.has(k));
  const part = (columns: readonly number[]) =>
    Float64Array.from(outside.flatMap((k) => columns.map((column) => entry(k, column))));
  const [s, rest] = [staying.length, r - staying.length];
  const q = orthonormalized(part(passing), rest);
  const t21 = part(staying);
  subtractProjection(t21, q, s, rest);
  const h = gramByRows(t21, s);
  const inverse = inverseRootOfOnePlus(h, s);
  const w = productWithTransposed(t21, inverse, s);
  const rows = new Float64Array(count * r);
  const amplitudes = eigenvalues.map(({ sign, size }, k) => Math.exp(sign < 0 ? -size * t : 0) / scales[k]!);
  inside.forEach((k, i) => {
    for (let j = 0; j < s; j++) rows[k * r + j] = amplitudes[k]! * inverse[j * s + i]!;
  });
  outside.forEach((k, i) => {
    if (k >= count) return;
    for (let j = 0; j < s; j++) rows[k * r + j] = amplitudes[k]! * w[i * s + j]!;
    for (let j = 0; j < rest; j++) rows[k * r + s + j] = amplitudes[k]! * q[i * rest + j]!;
  });
  const lost = productWithTransposed(gramByRows(inverse, s), h, s);
  const excess = lost.map((value, at) => {
    const [i, j] = [inside[Math.floor(at / s)]!, inside[at % s]!];
    const kept = i === j ? Math.exp(-2 * eigenvalues[i]!.size * t) : 0;
    return amplitudes[i]! * amplitudes[j]! * (kept - value);
  });
  return { rows, inside, excess, restore };
}

/** value e^exponent, also where the exponential alone is no number. */
const timesExponential = (value: number, exponent: number): number =>
  value === 0 || Math.abs(exponent) < 600
    ? value * Math.exp(value === 0 ? 0 : exponent)
    : Math.sign(value) * Math.exp(exponent + Math.log(Math.abs(value)));

/**
 * 1/2 |diag(sigma) - c X Y^T|_F^2 by blocks of modes that stay (in) and others (out): the former's own block from
 * `excess`, so that what is left of them is not a difference of large numbers.
 */
function lossOf(
  { modes, columns: r, c }: BalancedStart,
  rows: Float64Array,
  inside: readonly number[],
  excess: Float64Array,
): number {
  const place = new Map(inside.map((row, i) => [row, i]));
  const [stay, out] = [modes.filter(({ row }) => place.has(row)), modes.filter(({ row }) => !place.has(row))];
  const stacked = (of: typeof rowOfX, list: readonly Mode[]) => {
    const all = new Float64Array(list.length * r);
    list.forEach((mode, i) => all.set(of(rows, mode, r), i * r));
    return all;
  };
  const rowOf = (k: number) => (k < 0 ? new Float64Array(r) : rows.subarray(k * r, (k + 1) * r));
  let own = 0;
  for (const i of stay)
    for (const j of stay) {
      const both = excess[place.get(i.row)! * inside.length + place.get(j.row)!]!;
      const left =
        i.cos * j.sin * both -
        i.cos * j.cos * dot(rowOf(i.row), rowOf(j.partner)) +
        i.sin * j.sin * dot(rowOf(i.partner), rowOf(j.row)) -
        i.sin * j.cos * dot(rowOf(i.partner), rowOf(j.partner));
      own += left * left;
    }
  const [xIn, yIn, xOut, yOut] = [
    stacked(rowOfX, stay),
    stacked(rowOfY, stay),
    stacked(rowOfX, out),
    stacked(rowOfY, out),
  ] as const;
  const [gIn, kIn, gOut, kOut] = [xIn, yIn, xOut, yOut].map((part) => gramByRows(part, r)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const crossed = (c * c * (own + dot(gIn, kOut) + dot(gOut, kIn))) / 2;
  const tail = out.reduce((sum, { sigma }) => sum + (sigma * sigma) / 2, 0);
  const overlap = out.reduce(
    (sum, { sigma }, i) =>
      sum +
      (sigma === 0 ? 0 : sigma * dot(xOut.subarray(i * r, (i + 1) * r), yOut.subarray(i * r, (i + 1) * r))),
    0,
  );
  const expanded = tail - c * overlap + (c * c * dot(gOut, kOut)) / 2;
  if (expanded > CANCELLED * tail) return crossed + expanded;
  // A start near its end: the difference has lost its digits, and is taken entry by entry.
  let squares = 0;
  out.forEach(({ sigma }, i) =>
    out.forEach((_, j) => {
      const product = c * dot(xOut.subarray(i * r, (i + 1) * r), yOut.subarray(j * r, (j + 1) * r));
      squares += ((i === j ? sigma : 0) - product) ** 2 / 2;
    }),
  );
  return crossed + squares;
}

/** Share of what it is a difference of that the expanded loss may lose. */
const CANCELLED = 1e-2;

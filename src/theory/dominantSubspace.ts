/**
 * The column space of S = [sqrt(phi) Z; I] at any time t, where phi = c^2 (e^{2 nu t} - 1) / (2 nu) for the eigenvalue
 * nu of each row of Z: what a balanced start of the LoRA flow has become (balanced.ts). Rows differ by exponentials
 * that no floating-point number holds, so that columns are combined by elimination, pivoting on the largest entry of S,
 * while these are still in logarithms: each column's largest exponential is then a factor of it, and drops out. The
 * cost does not depend on t, nothing overflows, and small rows keep their full relative accuracy.
 */
import { norm } from '../numbers/norm.js';

/** An eigenvalue nu = sign sqrt(a^2 + kappa^2), with one a for all. */
export interface Eigenvalue {
  readonly sign: 1 | -1;
  /** sqrt(a^2 + kappa^2). */
  readonly size: number;
  readonly kappa: number;
}

/** nu_k - nu_p, without cancellation where both are near |a|. */
export function gapOf(k: Eigenvalue, p: Eigenvalue): number {
  const sum = k.size + p.size;
  if (k.sign !== p.sign) return k.sign * sum;
  return sum === 0 ? 0 : k.sign * (k.kappa - p.kappa) * ((k.kappa + p.kappa) / sum);
}

/** A row, and one of another eigenvalue that is rotated with it (-1: none). */
export interface Member {
  readonly row: number;
  readonly partner: number;
}

export interface Start {
  readonly c: number;
  readonly eigenvalues: readonly Eigenvalue[];
  /** Z [rows, columns], row-major. */
  readonly z: Float64Array;
  readonly columns: number;
  /** Every row is in one group; rotations among the members of a group change nothing. */
  readonly groups: readonly (readonly Member[])[];
}

export interface Reduced {
  /** [Z; I] C [rows + columns, columns] for an invertible C. */
  readonly z: Float64Array;
  /** The row that each column was divided by; from `rows` on, they are those of I. */
  readonly pivots: readonly number[];
  /** The columns whose pivot has nu > 0. No other column has an entry in their pivots' rows. */
  readonly inside: readonly number[];
  /** Undoes, on rows [rows, width], the rotations within groups. */
  restore(rows: Float64Array, width: number): void;
}

/** Share of the largest entry that a row started with, below which an entry is rounding. */
const ROUNDING = 2 ** -50;

/** sqrt(phi) = e^{nu t} h for nu > 0, h for nu <= 0: h, at a finite t. */
export function rowScale({ size }: Eigenvalue, c: number, t: number): number {
  const x = 2 * size * t;
  if (x === 0) return c * Math.sqrt(t);
  return c * Math.sqrt(x < 1 ? t * (-Math.expm1(-x) / x) : -Math.expm1(-x) / (2 * size));
}

/** Largest exponent of row k of S over that of row p, per time; undefined is a row of I. */
export function growthOver(k: Eigenvalue | undefined, p: Eigenvalue | undefined): number {
  if (k?.sign === 1 && p?.sign === 1) return gapOf(k, p);
  return (k?.sign === 1 ? k.size : 0) - (p?.sign === 1 ? p.size : 0);
}

/** Z by columns that hold one exponential each, at a finite time t > 0. */
export function reduced(start: Start, t: number): Reduced {
  const { c, eigenvalues, columns: r } = start;
  const rows = eigenvalues.length;
  const all = rows + r;
  const z = new Float64Array(all * r);
  z.set(start.z);
  for (let j = 0; j < r; j++) z[(rows + j) * r + j] = 1;
  const floors = roundingOf(start);
  const scales = eigenvalues.map((nu) => Math.log(rowScale(nu, c, t)));
  const homes = new Map(
    start.groups.flatMap((group) =>
      group.flatMap((one) => [one.row, one.partner].map((row) => [row, group])),
    ),
  );
  const rotations: Rotation[] = [];
  const free = new Set(Array.from({ length: r }, (_, j) => j));
  const pivots = new Array<number>(r).fill(-1);
  const taken = new Set<number>();
  const order: number[] = [];

  /** Takes from one column what makes its entry in a row zero. */
  const subtract = (from: number, column: number, row: number) => {
    const factor = z[row * r + from]! / z[row * r + column]!;
    if (factor === 0) return;
    for (let k = 0; k < all; k++) {
      const value = z[k * r + from]! - factor * z[k * r + column]!;
      z[k * r + from] = Math.abs(value) <= (floors[k] ?? 0) ? 0 : value;
    }
    z[row * r + from] = 0;
  };
  /** The row with the largest entry of S. */
  const largestRow = () => {
    let [best, bestLog] = [-1, 0];
    for (let k = 0; k < all; k++) {
      const largest = taken.has(k) ? 0 : largestEntry(z, k, r, free).size;
      if (largest === 0) continue;
      const log = Math.log(largest) + (scales[k] ?? 0);
      if (best >= 0 && !(t * growthOver(eigenvalues[k], eigenvalues[best]) + log > bestLog)) continue;
      [best, bestLog] = [k, log];
    }
    return best;
  };

  while (free.size > 0) {
    const row = largestRow();
    const group = (homes.get(row) ?? []) as readonly Member[];
    const members = group.filter((one) => !taken.has(one.row) && !taken.has(one.partner));
    const rotation = members.length > 1 ? gathering(z, r, members, row, free) : null;
    if (rotation) rotations.push(rotation);
    const { column } = largestEntry(z, row, r, free);
    pivots[column] = row;
    order.push(column);
    taken.add(row);
    free.delete(column);
    for (const other of free) subtract(other, column, row);
  }
  const inside = order.filter((column) => eigenvalues[pivots[column]!]?.sign === 1);
  for (const column of inside)
    for (const earlier of order.slice(0, order.indexOf(column))) subtract(earlier, column, pivots[column]!);
  return {
    z,
    pivots,
    inside,
    restore(out, width) {
      for (let i = rotations.length - 1; i >= 0; i--) rotate(out, width, rotations[i]!);
    },
  };
}

/** Rounding that elimination may leave in place of a zero, for each row: a share of the largest entry in its group. */
function roundingOf({ eigenvalues, z, columns, groups }: Start): Float64Array {
  const floors = new Float64Array(eigenvalues.length);
  const largest = (row: number) => largestEntry(z, row, columns, null).size;
  for (const side of ['row', 'partner'] as const)
    for (const group of groups) {
      if (group[0]![side] < 0) continue;
      const most = group.reduce((sum, one) => Math.max(sum, largest(one[side])), 0);
      for (const one of group) floors[one[side]] = ROUNDING * most;
    }
  return floors;
}

/** The largest entry of a row among some columns (null: all). */
function largestEntry(z: Float64Array, row: number, r: number, columns: Iterable<number> | null) {
  let [column, size] = [-1, 0];
  for (const j of columns ?? Array(r).keys()) {
    const value = Math.abs(z[row * r + j]!);
    if (value > size) [column, size] = [j, value];
  }
  return { column, size };
}

/** I - 2 v v^T on rows, and the same on their partners, if they have any. */
interface Rotation {
  readonly members: readonly Member[];
  readonly v: Float64Array;
}

function rotate(z: Float64Array, width: number, { members, v }: Rotation): void {
  for (const side of ['row', 'partner'] as const) {
    if (members[0]![side] < 0) continue;
    for (let j = 0; j < width; j++) {
      let overlap = 0;
      members.forEach((one, i) => (overlap += v[i]! * z[one[side] * width + j]!));
      members.forEach((one, i) => (z[one[side] * width + j]! -= 2 * overlap * v[i]!));
    }
  }
}

/** Gathers the longest of the columns, on the side of the members that `row` is on, in that row, and says how. */
function gathering(
  z: Float64Array,
  r: number,
  members: readonly Member[],
  row: number,
  columns: Iterable<number>,
): Rotation | null {
  const side = members.some((one) => one.row === row) ? 'row' : 'partner';
  const at = members.findIndex((one) => one[side] === row);
  const part = (column: number) => Float64Array.from(members, (one) => z[one[side] * r + column]!);
  let [longest, length] = [-1, 0];
  for (const column of columns) {
    const own = norm(part(column));
    if (own > length) [longest, length] = [column, own];
  }
  const v = part(longest);
  if (v.every((value, i) => i === at || value === 0)) return null;
  v[at]! += v[at]! >= 0 ? length : -length;
  const size = norm(v);
  const rotation = { members, v: v.map((value) => value / size) };
  rotate(z, r, rotation);
  for (const one of members) if (one[side] !== row) z[one[side] * r + longest] = 0;
  return rotation;
}

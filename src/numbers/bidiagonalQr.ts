/**
 * Singular values of a bidiagonal matrix by implicit QR sweeps, without a shift where one would cost accuracy
 * (Golub & Reinsch 1970; Demmel & Kahan 1990).
 */
import type { Bidiagonal } from './bidiagonal.js';
import type { Rotations } from './rotations.js';
import { SvdError } from './svdError.js';

/** Half the distance from 1 to the next number. */
const EPS = 2 ** -53;
/** An off-diagonal entry is let go below this, relative to the singular values that it joins. */
const TOLERANCE = 32 * EPS;
/** An off-diagonal entry is let go below this, relative to the largest entry of the matrix. */
const NEGLIGIBLE = EPS / 8;
/** Rotations of a side, in squares of the order; 2 or less are usual. */
const MOST_ROTATIONS = 30;

/**
 * Takes B to a diagonal matrix in place: B = L diag(d) R^T, d of any sign and order. L and R go to the collectors, as
 * rotations of columns.
 * @throws SvdError if it does not converge
 */
export function diagonalize({ d, e }: Bidiagonal, left: Rotations | null, right: Rotations | null): void {
  const size = (values: Float64Array) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const negligible = NEGLIGIBLE * Math.max(size(d), size(e));
  let budget = MOST_ROTATIONS * d.length ** 2;
  let last: { lo: number; hi: number; down: boolean } | null = null;
  for (let hi = d.length - 1; hi > 0;) {
    if (Math.abs(e[hi - 1]!) <= negligible) {
      hi--;
      continue;
    }
    let lo = hi - 1;
    while (lo > 0 && Math.abs(e[lo - 1]!) > negligible) lo--;
    // From the larger end to the smaller; a block that is part of the last keeps its direction.
    const inLast: boolean = last !== null && lo >= last.lo && hi <= last.hi;
    const down: boolean = inLast ? last!.down : Math.abs(d[lo]!) >= Math.abs(d[hi]!);
    last = { lo, hi, down };
    const block = new BlockView(d, e, lo, hi, down);
    const shift = block.shift();
    if (shift === null) continue;
    budget -= hi - lo;
    if (!(budget >= 0)) throw new SvdError(`no convergence of the singular values of order ${d.length}`);
    const [outer, inner] = down ? [right, left] : [left, right];
    const [first, step] = down ? [lo, 1 as const] : [hi, -1 as const];
    outer?.start(first, step, hi - lo);
    inner?.start(first, step, hi - lo);
    if (shift === 0) block.sweep(outer, inner);
    else block.shiftedSweep(shift, outer, inner);
  }
  left?.apply();
  right?.apply();
}

/**
 * The part of B from lo to hi, read downwards or upwards; read upwards it is B^T, so that the sides are exchanged.
 */
class BlockView {
  readonly #length: number;
  readonly #first: number;
  readonly #firstE: number;
  readonly #step: number;

  constructor(
    private readonly d: Float64Array,
    private readonly e: Float64Array,
    lo: number,
    hi: number,
    down: boolean,
  ) {
    this.#length = hi - lo;
    this.#first = down ? lo : hi;
    this.#firstE = down ? lo : hi - 1;
    this.#step = down ? 1 : -1;
  }

  #d(i: number): number {
    return this.d[this.#first + this.#step * i]!;
  }

  #setD(i: number, value: number): void {
    this.d[this.#first + this.#step * i] = value;
  }

  #e(i: number): number {
    return this.e[this.#firstE + this.#step * i]!;
  }

  #setE(i: number, value: number): void {
    this.e[this.#firstE + this.#step * i] = value;
  }

  /** The shift of the next sweep, 0 for none; null if the block came apart instead. */
  shift(): number | null {
    const n = this.#length;
    if (Math.abs(this.#e(n - 1)) <= TOLERANCE * Math.abs(this.#d(n))) {
      this.#setE(n - 1, 0);
      return null;
    }
    // mu is a lower bound of the least singular value of the part that has been seen.
    let mu = Math.abs(this.#d(0));
    let [least, largest] = [mu, mu];
    for (let i = 0; i < n; i++) {
      const off = Math.abs(this.#e(i));
      if (off <= TOLERANCE * mu) {
        this.#setE(i, 0);
        return null;
      }
      const next = Math.abs(this.#d(i + 1));
      mu = next * (mu / (mu + off));
      least = Math.min(least, mu);
      largest = Math.max(largest, next, off);
    }
    if ((n + 1) * TOLERANCE * least <= Math.max(EPS, TOLERANCE / 100) * largest) return 0;
    const shift = smallerValue(this.#d(n - 1), this.#e(n - 1), this.#d(n));
    return (shift / this.#d(0)) ** 2 < EPS ? 0 : shift;
  }

  sweep(outer: Rotations | null, inner: Rotations | null): void {
    const n = this.#length;
    let [a, b] = [unturned, unturned];
    for (let i = 0; i < n; i++) {
      a = rotation(this.#d(i) * a.c, this.#e(i));
      if (i > 0) this.#setE(i - 1, b.s * a.r);
      b = rotation(b.c * a.r, this.#d(i + 1) * a.s);
      this.#setD(i, b.r);
      outer?.add(a.c, a.s);
      inner?.add(b.c, b.s);
    }
    const rest = this.#d(n) * a.c;
    this.#setD(n, rest * b.c);
    this.#setE(n - 1, rest * b.s);
  }

  shiftedSweep(shift: number, outer: Rotations | null, inner: Rotations | null): void {
    const n = this.#length;
    const d0 = this.#d(0);
    let f = (Math.abs(d0) - shift) * (Math.sign(d0) + shift / d0);
    let g = this.#e(0);
    for (let i = 0; i < n; i++) {
      const a = rotation(f, g);
      if (i > 0) this.#setE(i - 1, a.r);
      const [di, ei, next] = [this.#d(i), this.#e(i), this.#d(i + 1)];
      const off = a.c * ei - a.s * di;
      const low = a.c * next;
      const b = rotation(a.c * di + a.s * ei, a.s * next);
      this.#setD(i, b.r);
      f = b.c * off + b.s * low;
      this.#setD(i + 1, b.c * low - b.s * off);
      if (i < n - 1) {
        g = b.s * this.#e(i + 1);
        this.#setE(i + 1, b.c * this.#e(i + 1));
      }
      outer?.add(a.c, a.s);
      inner?.add(b.c, b.s);
    }
    this.#setE(n - 1, f);
  }
}

interface Rotation {
  readonly c: number;
  readonly s: number;
  readonly r: number;
}

const unturned: Rotation = { c: 1, s: 0, r: 0 };

/** c f + s g = r, c g - s f = 0, c^2 + s^2 = 1, c >= 0. */
function rotation(f: number, g: number): Rotation {
  if (g === 0) return { c: 1, s: 0, r: f };
  if (f === 0) return { c: 0, s: Math.sign(g), r: Math.abs(g) };
  const size = Math.max(Math.abs(f), Math.abs(g));
  // Squares keep their digits within this range.
  const unit = size > 2 ** -400 && size < 2 ** 400 ? 1 : size;
  const [x, y] = [f / unit, g / unit];
  const norm = Math.sqrt(x * x + y * y);
  const signed = f < 0 ? -norm : norm;
  return { c: Math.abs(x) / norm, s: y / signed, r: signed * unit };
}

/** The smaller singular value of [[f, g], [0, h]]. */
function smallerValue(f: number, g: number, h: number): number {
  const [fa, ga, ha] = [Math.abs(f), Math.abs(g), Math.abs(h)];
  const [low, high] = [Math.min(fa, ha), Math.max(fa, ha)];
  if (low === 0) return 0;
  const [sum, difference] = [1 + low / high, (high - low) / high];
  if (ga < high) {
    const square = (ga / high) ** 2;
    return low * (2 / (Math.sqrt(sum * sum + square) + Math.sqrt(difference * difference + square)));
  }
  const ratio = high / ga;
  if (ratio === 0) return (low * high) / ga;
  const [p, q] = [sum * ratio, difference * ratio];
  return 2 * (low / (Math.sqrt(1 + p * p) + Math.sqrt(1 + q * q))) * ratio;
}

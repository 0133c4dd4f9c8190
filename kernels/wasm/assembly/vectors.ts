/** Linear combinations and norms of states, or of parts of them. */
import { TERM } from './generated/constants';
import { combined } from './generated/unrolled';
import { parameters } from './parameters';
import { add, madd, mul, SIZE, splat, sum, VECTOR, zeros } from './real';

/** The terms of the combination that is being put together: a coefficient (float64) and an address each. */
let list: usize = 0;
let terms: i32 = 0;

export function useTerms(): void {
  list = parameters.terms;
}

/** Adds a term. Like the twin, it leaves out those of weight zero. */
export function term(coefficient: f64, z: usize): void {
  if (coefficient == 0) return;
  const at = list + TERM * terms++;
  store<f64>(at, coefficient);
  store<usize>(at, z, 8);
}

/** The sum of all terms, which are at the same offset in their states. `out` may be one of them. */
export function combine(out: usize, offset: usize, bytes: usize): void {
  combined(out + offset, offset, bytes, list, terms);
  terms = 0;
}

/** Squares below this are of numbers some of whose own squares are too small to be held, and are scaled then. */
const SMALL: f64 = SIZE == 4 ? 8.077935669463161e-28 : 1.1830521861667747e-271;
const SCALE: f64 = SIZE == 4 ? 1.2676506002282294e30 : 4.149515568880993e180;

/** |z| of `bytes` bytes; 0 only where all of z is. */
export function norm(z: usize, bytes: usize): f64 {
  const square: f64 = dot(z, z, bytes);
  return square < SMALL ? scaledNorm(z, bytes) : sqrt(square);
}

function scaledNorm(z: usize, bytes: usize): f64 {
  const c = splat(SCALE);
  let s = zeros();
  for (const end = z + bytes; z < end; z += VECTOR) {
    const scaled = mul(c, v128.load(z));
    s = madd(scaled, scaled, s);
  }
  return sqrt(<f64>sum(s)) / SCALE;
}

/** out = a - b at an offset in states, and its norm. */
export function difference(out: usize, a: usize, b: usize, offset: usize, bytes: usize): f64 {
  term(1, a);
  term(-1, b);
  combine(out, offset, bytes);
  return norm(out + offset, bytes);
}

/** The inner product of a and b, of a multiple of 2 vectors. */
export function dot(a: usize, b: usize, bytes: usize): f64 {
  // As many sums as hide the time that an addition takes.
  let s0 = zeros();
  let s1 = zeros();
  let s2 = zeros();
  let s3 = zeros();
  const end = a + bytes;
  for (const last = end - 4 * VECTOR; a <= last; a += 4 * VECTOR, b += 4 * VECTOR) {
    s0 = madd(v128.load(a), v128.load(b), s0);
    s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
    s2 = madd(v128.load(a, 32), v128.load(b, 32), s2);
    s3 = madd(v128.load(a, 48), v128.load(b, 48), s3);
  }
  if (a < end) {
    s0 = madd(v128.load(a), v128.load(b), s0);
    s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
  }
  return sum(add(add(s0, s1), add(s2, s3)));
}

/** out = coefficient z. */
export function scale(out: usize, coefficient: f64, z: usize, bytes: usize): void {
  const c = splat(coefficient);
  for (const end = z + bytes; z < end; z += VECTOR, out += VECTOR) v128.store(out, mul(c, v128.load(z)));
}

/** Linear combinations and norms of states, or of parts of them. */
import { add, madd, mul, splat, sum, VECTOR, zeros } from './real';
import { combined } from './unrolled';

/** The terms of the combination that is being put together: a coefficient (float64) and an address for each. */
let list: usize = 0;
let terms: i32 = 0;
const TERM: usize = 16;

/** @param scratch room for 8 terms of 16 bytes */
export function useTerms(scratch: usize): void {
  list = scratch;
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

/** |z| of `bytes` bytes. */
export function norm(z: usize, bytes: usize): f64 {
  return sqrt(dot(z, z, bytes));
}

/** The inner product of a and b, of a multiple of 2 vectors. */
export function dot(a: usize, b: usize, bytes: usize): f64 {
  let s = zeros();
  let t = zeros();
  for (const end = a + bytes; a < end; a += 2 * VECTOR, b += 2 * VECTOR) {
    s = madd(v128.load(a), v128.load(b), s);
    t = madd(v128.load(a, 16), v128.load(b, 16), t);
  }
  return sum(add(s, t));
}

/** out = coefficient z. */
export function scale(out: usize, coefficient: f64, z: usize, bytes: usize): void {
  const c = splat(coefficient);
  for (const end = z + bytes; z < end; z += VECTOR, out += VECTOR) v128.store(out, mul(c, v128.load(z)));
}

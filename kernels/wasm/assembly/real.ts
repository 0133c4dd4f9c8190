/** The arithmetic: real numbers, vectors of them, and what is done with these, of the precision that is compiled. */
import { FUSED, Real } from './generated/variant';

export { Real };

/** Bytes of a vector, of a real number, and how many of these are in a vector. */
export const VECTOR: usize = 16;
export const SIZE: usize = sizeof<Real>();
export const LANES: i32 = 16 / sizeof<Real>();

export function zeros(): v128 {
  return v128.splat<Real>(0);
}

/** A number in one lane, zeros in the others. */
export function inOneLane(value: f64): v128 {
  return v128.replace_lane<Real>(zeros(), 0, <Real>value);
}

export function add(a: v128, b: v128): v128 {
  return v128.add<Real>(a, b);
}

export function mul(a: v128, b: v128): v128 {
  return v128.mul<Real>(a, b);
}

/** c + a b. */
export function madd(a: v128, b: v128, c: v128): v128 {
  return FUSED ? v128.relaxed_madd<Real>(a, b, c) : v128.add<Real>(c, v128.mul<Real>(a, b));
}

/** c - a b. */
export function nmadd(a: v128, b: v128, c: v128): v128 {
  return FUSED ? v128.relaxed_nmadd<Real>(a, b, c) : v128.sub<Real>(c, v128.mul<Real>(a, b));
}

/** A vector of one number. */
export function splat(value: f64): v128 {
  return v128.splat<Real>(<Real>value);
}

/** The sums of the lanes of four vectors of float32 numbers. */
export function sums4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** The sums of the lanes of two vectors of float64 numbers. */
export function sums2(a: v128, b: v128): v128 {
  return f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3));
}

/** The sum of the lanes of a vector. */
export function sum(a: v128): Real {
  if (sizeof<Real>() == 4) return <Real>f32x4.extract_lane(sums4(a, a, a, a), 0);
  return <Real>f64x2.extract_lane(sums2(a, a), 0);
}

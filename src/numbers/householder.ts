/** Householder reflections H = I - tau v v^T with v_1 = 1 that take a vector to a multiple of the first unit vector. */

/** Below this a vector is taken to be zero, so that nothing is divided by subnormal numbers. */
const TINY = 2 ** -900;

/**
 * Replaces x = data[from], ..., data[to - 1] by v; H x = (beta, 0, ..., 0). tau is 0 if all but the first entry of x
 * are zero.
 */
export function reflector(data: Float64Array, from: number, to: number): { tau: number; beta: number } {
  const alpha = data[from]!;
  let largest = 0;
  for (let i = from + 1; i < to; i++) largest = Math.max(largest, Math.abs(data[i]!));
  if (largest < TINY) {
    data.fill(0, from, to);
    data[from] = 1;
    return { tau: 0, beta: alpha };
  }
  largest = Math.max(largest, Math.abs(alpha));
  // A compensated sum: what it loses, H lacks of being orthogonal.
  let [squares, lost] = [0, 0];
  for (let i = from; i < to; i++) {
    const term = (data[i]! / largest) ** 2 - lost;
    const next = squares + term;
    lost = next - squares - term;
    squares = next;
  }
  const norm = largest * Math.sqrt(squares);
  const beta = alpha > 0 ? -norm : norm;
  const head = alpha - beta;
  for (let i = from + 1; i < to; i++) data[i]! /= head;
  data[from] = 1;
  return { tau: -head / beta, beta };
}

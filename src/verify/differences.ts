/** Derivatives in float64 by central differences, with no knowledge of what is differentiated. */

/**
 * Step of the five-point formula: for functions of size and scale about 1 its truncation, delta^4 / 30 times a fifth
 * derivative, and its rounding, 2^-52 / delta, are both below 1e-12.
 */
const DELTA = 1e-3;

/** k, and the weight of f(z + k delta) in f'(z) delta; the error is O(delta^4). */
export const fivePoint = [
  [-2, 1 / 12],
  [-1, -2 / 3],
  [1, 2 / 3],
  [2, -1 / 12],
] as const;

/** Partial derivatives of f at z. */
export function gradientByDifferences(f: (z: Float64Array) => number, z: Float64Array): Float64Array {
  const point = z.slice();
  return z.map((value, i) => {
    let sum = 0;
    for (const [k, weight] of fivePoint) {
      point[i] = value + k * DELTA;
      sum += weight * f(point);
    }
    point[i] = value;
    return sum / DELTA;
  });
}

/** The points at which a derivative along `direction` at z is taken, and how their values combine. */
export const stencil = fivePoint.map(([k, weight]) => ({ offset: k * DELTA, weight: weight / DELTA }));

/** Derivatives by central differences, with no knowledge of what is differentiated. */

/**
 * Step of the five-point formula in float64, for functions of size and scale about 1: truncation (the fourth power of
 * the step) and rounding (2^-52 over the step) are both below 1e-12.
 */
export const DELTA = 1e-3;

/** Offsets in steps, and the weights of the values there in the derivative times the step. */
const stencil = [
  [-2, 1 / 12],
  [-1, -2 / 3],
  [1, 2 / 3],
  [2, -1 / 12],
] as const;

/** Offsets at which a function is evaluated along a direction, and the weight of each value in its derivative. */
export const pointsOf = (delta: number): { readonly offset: number; readonly weight: number }[] =>
  stencil.map(([steps, weight]) => ({ offset: steps * delta, weight: weight / delta }));

const points = pointsOf(DELTA);

/** Partial derivatives of f at z, in float64. */
export function gradientByDifferences(f: (z: Float64Array) => number, z: Float64Array): Float64Array {
  const point = z.slice();
  return z.map((value, i) => {
    let sum = 0;
    for (const { offset, weight } of points) {
      point[i] = value + offset;
      sum += weight * f(point);
    }
    point[i] = value;
    return sum;
  });
}

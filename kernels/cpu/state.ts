/** States of trajectories in float64 on the host, and the sums and norms that steps are made of. */

/** The components of one state. */
export type State64 = readonly Float64Array[];

/** state + h sum_j weights_j slopes_j. */
export const moved = (
  state: State64,
  h: number,
  weights: readonly number[],
  slopes: readonly State64[],
): State64 =>
  state.map((z, component) => {
    const out = z.slice();
    weights.forEach((weight, j) => {
      if (weight === 0) return;
      const slope = slopes[j]![component]!;
      for (let i = 0; i < out.length; i++) out[i]! += h * weight * slope[i]!;
    });
    return out;
  });

export const zeros = (state: State64): State64 => state.map((z) => new Float64Array(z.length));

/** Euclidean norm over all components, scaled where squares underflow, so that it is 0 where all entries are. */
export function norm(state: State64): number {
  const plain = Math.hypot(...state.map((z) => Math.sqrt(sumOfSquares(z, 1))));
  return plain < SMALL ? Math.hypot(...state.map((z) => Math.sqrt(sumOfSquares(z, SCALE)))) / SCALE : plain;
}

const SMALL = 2 ** -450;
const SCALE = 2 ** 600;

const sumOfSquares = (z: Float64Array, scale: number): number =>
  z.reduce((sum, value) => sum + scale * value * (scale * value), 0);

/** The rows of a batch on the device: packing, reading, choosing between two states, dropping rows. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { State } from '../method/system.js';

/** Sizes of one component of a state, per trajectory. */
export interface ComponentShape {
  readonly rows: number;
  readonly cols: number;
}

/** Components of one trajectory's state, each row-major [rows, cols]. */
export type HostState = readonly (Float32Array | Float64Array)[];

/** Uploads the states of a batch: one [batch, rows, cols] tensor per component. */
export function upload(states: readonly HostState[], shapes: readonly ComponentShape[]): Tensor3D[] {
  return shapes.map(({ rows, cols }, component) => {
    const data = new Float32Array(states.length * rows * cols);
    states.forEach((state, i) => data.set(state[component]!, i * rows * cols));
    return tf.tensor3d(data, [states.length, rows, cols]);
  });
}

/** Downloads the given rows of a batch, which ascend. */
export async function download(state: State, rows: readonly number[]): Promise<HostState[]> {
  const perComponent = await Promise.all(
    state.map(async (z) => {
      const chosen = keepRows(z, rows);
      const data = (await chosen.data()) as Float32Array;
      if (chosen !== z) chosen.dispose();
      const size = data.length / rows.length;
      return rows.map((_, i) => data.slice(i * size, (i + 1) * size));
    }),
  );
  return rows.map((_, i) => perComponent.map((component) => component[i] as Float32Array));
}

/** The given rows of z, which ascend; z itself if they are all its rows. */
export function keepRows(z: Tensor3D, rows: readonly number[]): Tensor3D {
  if (rows.length === z.shape[0]) return z;
  return tf.tidy(() => tf.gather(z, tf.tensor1d([...rows], 'int32')));
}

/** Rows of `next` where accepted, else of `state`. Both may hold non-finite rows that are not chosen. */
export function choose(accepted: readonly boolean[], finite: boolean, next: State, state: State): Tensor3D[] {
  return tf.tidy(() => {
    const mask = tf.tensor3d(accepted.map(Number), [accepted.length, 1, 1]);
    const rejected = tf.sub(1, mask);
    return next.map((z, component) => {
      const other = state[component] as Tensor3D;
      // Products with 0 and 1 are exact and much faster than `where`, but 0 * infinity is not 0.
      return finite
        ? tf.add<Tensor3D>(tf.mul(z, mask), tf.mul(other, rejected))
        : tf.where<Tensor3D>(tf.cast(mask, 'bool'), z, other);
    });
  });
}

/** Squared norm of every trajectory over all components: [batch]. Call inside tf.tidy. */
export const squaredNorms = (state: State): tf.Tensor1D =>
  tf.addN(state.map((z) => tf.sum<tf.Tensor1D>(tf.square(z), [1, 2])));

/**
 * Squares below this are of numbers some of whose own squares float32 cannot hold; and by what those are scaled then.
 */
const SMALL = { square: 2 ** -90, scale: 2 ** 100 } as const;

/**
 * Norms of states of a batch from their squares [state][batch], as `squaredNorms` has them: those that underflow are
 * summed again, scaled, so that a norm is 0 where all entries are.
 */
export async function normsFrom(squares: ArrayLike<number>, states: readonly State[]): Promise<number[]> {
  const all = Array.from(squares);
  if (!all.some((square) => square < SMALL.square)) return all.map(Math.sqrt);
  const scaled = tf.tidy(() =>
    tf.stack(states.map((state) => squaredNorms(state.map((z) => tf.mul(z, SMALL.scale))))),
  );
  const again = await scaled.data();
  scaled.dispose();
  return all.map((square, i) =>
    square < SMALL.square ? Math.sqrt(again[i]!) / SMALL.scale : Math.sqrt(square),
  );
}

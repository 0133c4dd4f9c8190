/** Tensors of the states that trajectories start from, given or drawn where they are computed. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { FusedKernel } from '../../kernels/fused.js';
import { writeDrawn, type Drawn } from '../ensemble/drawn.js';
import type { HostState } from './batch.js';

/**
 * States X [n, rank] and then Y [m, rank], row-major, drawn by a kernel that can [batch, (n + m) rank]: those of the
 * host but for 1e-6 of a standard deviation.
 */
export function drawnStates(
  normals: NonNullable<FusedKernel['normals']>,
  drawn: readonly Drawn[],
  n: number,
  m: number,
  rank: number,
): Tensor2D {
  const keys = drawn.map(({ key }) => key);
  const column = (values: number[]) => tf.tensor2d(values, [values.length, 1]);
  return tf.tidy(() => {
    const b = column(drawn.map(({ law: { entries, x } }) => entries.b * x));
    const a = column(drawn.map(({ law: { entries, y } }) => entries.a * y));
    const x = tf.mul<Tensor2D>(normals(n * rank, keys, 'loraB'), b);
    const rows = tf.mul<Tensor2D>(normals(rank * m, keys, 'loraA'), a);
    const y = rows.reshape([drawn.length, rank, m]).transpose([0, 2, 1]);
    return tf.concat([x, y.reshape<Tensor2D>([drawn.length, m * rank])], 1);
  });
}

/** The same, drawn in this thread into `room`, with the digits of the host. */
export function drawnHere(
  drawn: readonly Drawn[],
  n: number,
  m: number,
  room: Float32Array | Float64Array,
): Tensor2D {
  const elements = room.length / drawn.length;
  drawn.forEach((each, i) => writeDrawn(each, n, m, room.subarray(i * elements, (i + 1) * elements)));
  return stateTensor(room, drawn.length);
}

/** States one after another in `room`, on the device. */
export function uploaded(states: readonly HostState[], room: Float32Array | Float64Array): Tensor2D {
  const elements = room.length / states.length;
  states.forEach(([x, y], i) => {
    room.set(x!, i * elements);
    room.set(y!, i * elements + x!.length);
  });
  return stateTensor(room, states.length);
}

/** A tensor of so many states, one after another in `room`: of their bits, if they are float64. */
const stateTensor = (room: Float32Array | Float64Array, count: number): Tensor2D =>
  tf.tensor2d(new Float32Array(room.buffer), [count, room.byteLength / 4 / count]);

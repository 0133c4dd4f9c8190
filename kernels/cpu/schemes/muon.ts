/** A step of Muon in float64. */
import {
  muonRate,
  NEWTON_SCHULZ,
  NEWTON_SCHULZ_LEAST_NORM,
  NEWTON_SCHULZ_STEPS,
  type Muon,
} from '../../../src/method/schemes/muon.js';
import { gram } from '../../../src/numbers/gram.js';
import type { Asking } from '../field.js';
import { norm } from '../state.js';
import { simultaneous, type From } from './optimizer.js';
import type { Step64 } from './step.js';

export function muon({ momentum: mu }: Muon, from: From): Asking<Step64> {
  const { rank } = from.moving;
  return simultaneous(from, (index, gradient, [buffer]) => {
    const mean = gradient.map((g, j) => mu * buffer![j]! + (1 - mu) * g);
    const ahead = gradient.map((g, j) => (1 - mu) * g + mu * mean[j]!);
    const rows = gradient.length / rank;
    // X holds B [n, r], Y the transpose of A [r, m].
    const rate = index === 0 ? muonRate(rows, rank) : muonRate(rank, rows);
    return { update: orthogonalized(ahead, rank).map((value) => rate * value), memory: [mean] };
  });
}

/** Newton-Schulz steps from a matrix [rows, rank], rows >= rank. */
function orthogonalized(matrix: Float64Array, rank: number): Float64Array {
  const [a, b, c] = NEWTON_SCHULZ;
  const size = Math.max(norm([matrix]), NEWTON_SCHULZ_LEAST_NORM);
  let z = matrix.map((value) => value / size);
  for (let k = 0; k < NEWTON_SCHULZ_STEPS; k++) {
    const s = gram(z, z, rank);
    const squared = times(s, s, rank);
    const inner = s.map((value, j) => b * value + c * squared[j]!);
    const product = times(z, inner, rank);
    z = z.map((value, j) => a * value + product[j]!);
  }
  return z;
}

/** left [rows, rank] times right [rank, rank]. */
function times(left: Float64Array, right: Float64Array, rank: number): Float64Array {
  const out = new Float64Array(left.length);
  for (let i = 0; i < left.length; i += rank)
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < rank; j++) out[i + j]! += left[i + k]! * right[k * rank + j]!;
  return out;
}

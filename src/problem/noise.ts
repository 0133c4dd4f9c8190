/**
 * Noise on a target: training sees M + tau Z, Z [n, m] with independent entries N(0, 1/m), fresh for each draw of the
 * target. Its singular values fill [0, 1 + sqrt(n/m)], whatever the size.
 */
import type { Dense } from '../numbers/dense.js';
import { normals } from '../numbers/philox.js';

/** A draw of the target: Z is a function of (seed, draw) alone. */
export interface TargetDraw {
  readonly seed: number;
  /** Number of the draw, from 0. */
  readonly draw: number;
}

/** Adds tau Z to a matrix [n, m], in its place. */
export function addNoise(matrix: Dense, tau: number, { seed, draw }: TargetDraw): Dense {
  if (tau === 0) return matrix;
  const { rows, cols, data } = matrix;
  const scale = tau / Math.sqrt(cols);
  // Row by row, so that no second matrix is held.
  for (let i = 0; i < rows; i++) {
    const row = normals(cols, { seed, rank: 0, trial: i, draw }, 'noise');
    for (let j = 0; j < cols; j++) data[i * cols + j]! += scale * row[j]!;
  }
  return matrix;
}

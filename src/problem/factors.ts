/**
 * Normalized factors of the update s B A = X Y^T, in which flows are computed, in the coordinates of W or in those of a
 * problem.
 */
import type { Dense } from '../numbers/dense.js';
import { multiply, multiplyTransposedLeft } from '../numbers/products.js';
import type { Frame } from './frame.js';

/** X [n, r] and Y [m, r]. */
export interface Factors {
  readonly x: Dense;
  readonly y: Dense;
}

/** Factors in the coordinates of W, given in a problem's frame (null: the same). */
export const outOfFrame = ({ x, y }: Factors, frame: Frame | null): Factors =>
  frame ? { x: multiply(frame.left, x), y: multiply(frame.right, y) } : { x, y };

/** Factors in a problem's frame, given in the coordinates of W. */
export const intoFrame = ({ x, y }: Factors, frame: Frame | null): Factors =>
  frame ? { x: rotatedBack(frame.left, x), y: rotatedBack(frame.right, y) } : { x, y };

/** Q^T z; zero factors, the common case, cost nothing. */
const rotatedBack = (q: Dense, z: Dense): Dense =>
  z.data.every((value) => value === 0) ? z : multiplyTransposedLeft(q, z);

/**
 * LoRA adapters and their normalized factors. An adapter is in PEFT's names and shapes; its normalized factors
 * X = sqrt(c / kB) B, Y = sqrt(c / kA) A^T with c = s sqrt(kA kB) (s B A = X Y^T) are what flows are computed in.
 */
import { Matrix } from 'ml-matrix';
import { dense, fromMatrix, toMatrix, transposed, type Dense } from '../numbers/dense.js';
import type { Frame } from '../problem/frame.js';

export interface Adapter {
  /** [r, m] (r, in features) */
  readonly loraA: Dense;
  /** [n, r] (out features, r) */
  readonly loraB: Dense;
}

/** The scale s of W = W0 + s B A and the learning-rate ratios of A and B (LoRA+: kB / kA > 1). */
export interface Coefficients {
  readonly scale: number;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
}

/** X [n, r] and Y [m, r]. */
export interface Factors {
  readonly x: Dense;
  readonly y: Dense;
}

/** c = s sqrt(kA kB): normalized time per unit of time. */
export const clock = ({ scale, lrRatioA, lrRatioB }: Coefficients): number =>
  scale * Math.sqrt(lrRatioA * lrRatioB);

const scaled = (a: Dense, factor: number): Dense =>
  dense(
    a.rows,
    a.cols,
    a.data.map((value) => factor * value),
  );

export function toFactors({ loraA, loraB }: Adapter, k: Coefficients): Factors {
  const c = clock(k);
  return {
    x: scaled(loraB, Math.sqrt(c / k.lrRatioB)),
    y: scaled(transposed(loraA), Math.sqrt(c / k.lrRatioA)),
  };
}

export function fromFactors({ x, y }: Factors, k: Coefficients): Adapter {
  const c = clock(k);
  return {
    loraA: scaled(transposed(y), Math.sqrt(k.lrRatioA / c)),
    loraB: scaled(x, Math.sqrt(k.lrRatioB / c)),
  };
}

/** Factors in the coordinates of W, given in a problem's frame (null: the same). */
export const outOfFrame = ({ x, y }: Factors, frame: Frame | null): Factors =>
  frame
    ? { x: fromMatrix(frame.left.mmul(toMatrix(x))), y: fromMatrix(frame.right.mmul(toMatrix(y))) }
    : { x, y };

/** Factors in a problem's frame, given in the coordinates of W. */
export const intoFrame = ({ x, y }: Factors, frame: Frame | null): Factors =>
  frame ? { x: rotatedBack(frame.left, x), y: rotatedBack(frame.right, y) } : { x, y };

/** Q^T z; zero factors, the common case, cost nothing. */
function rotatedBack(q: Matrix, z: Dense): Dense {
  if (z.data.every((value) => value === 0)) return z;
  return fromMatrix(q.transpose().mmul(toMatrix(z)));
}

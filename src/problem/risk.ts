/**
 * The risk of an update: its squared distance tr((D - C) H (D - C)^T) to the clean C = M - W0, which training does not
 * see, H the population's input covariance (the identity if there is none). Risks are plain data in a problem's
 * coordinates, and go to the threads that observe trajectories.
 */
import { difference, type Dense } from '../numbers/dense.js';
import { dot, gram } from '../numbers/gram.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import { intoFrame, type Factors } from './factors.js';
import type { Frame } from './frame.js';

export interface Risk {
  /** C [n, m], or factors of it [n, k] and [m, k]. */
  readonly clean: Dense | Factors;
  /** H [m, m], or null for the identity. */
  readonly covariance: Dense | null;
  /** tr(C H C^T). */
  readonly squares: number;
  /** The risk of the model that is fine-tuned, which risks are relative to: tr(C H C^T), unless W0 is a residual of it. */
  readonly scale: number;
}

const isFactors = (clean: Risk['clean']): clean is Factors => 'x' in clean;

/** The risk of C [n, m] in the coordinates of W, as seen from a frame of those (null: the same). */
export function riskOf(
  clean: Risk['clean'],
  covariance: Dense | null = null,
  frame: Frame | null = null,
): Risk {
  const squares = squared(clean, covariance);
  return { clean: seenFrom(clean, frame), covariance, squares, scale: squares };
}

/** U^T C V of a frame. */
function seenFrom(clean: Risk['clean'], frame: Frame | null): Risk['clean'] {
  if (!frame) return clean;
  if (isFactors(clean)) return intoFrame(clean, frame);
  return multiply(multiplyTransposedLeft(frame.left, clean), frame.right);
}

/** tr(C H C^T). */
function squared(clean: Risk['clean'], covariance: Dense | null): number {
  if (!isFactors(clean)) return dot(clean.data, covariance ? multiply(clean, covariance).data : clean.data);
  const { x, y } = clean;
  const hy = covariance ? multiply(covariance, y) : y;
  return dot(gram(x.data, x.data, x.cols), gram(y.data, hy.data, y.cols));
}

/** Share of its terms at which a difference has lost half of its digits: below it the difference is formed. */
const LOST = 1e-8;

/** The risk at factors X [n, r] and Y [m, r] of an update, in float64: O((n + m) r k), or O(n m r) of a dense C. */
export function riskAt({ clean, covariance, squares }: Risk): (factors: Factors) => number {
  return ({ x, y }) => {
    const hy = covariance ? multiply(covariance, y) : y;
    const square = dot(gram(x.data, x.data, x.cols), gram(y.data, hy.data, y.cols));
    const overlap = isFactors(clean)
      ? dot(multiplyTransposedLeft(clean.x, x).data, multiplyTransposedLeft(clean.y, hy).data)
      : dot(x.data, multiply(clean, hy).data);
    const risk = square - 2 * overlap + squares;
    return risk > LOST * squares || !Number.isFinite(risk)
      ? risk
      : riskOfUpdate({ clean, covariance }, multiplyTransposedRight(x, y));
  };
}

/** The risk of an update D [n, m], which is formed, in float64. */
export const riskOfUpdate = (
  { clean, covariance }: Pick<Risk, 'clean' | 'covariance'>,
  update: Dense,
): number => squared(difference(denseOf(clean), update), covariance);

const denseOf = (clean: Risk['clean']): Dense =>
  isFactors(clean) ? multiplyTransposedRight(clean.x, clean.y) : clean;

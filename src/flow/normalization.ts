/**
 * The factors that flows are computed in, s B A = X Y^T, and their time. Normalized ones, X = sqrt(c / kB) B and
 * Y = sqrt(c / kA) A^T in the time tau = c t with c = s sqrt(kA kB), leave the gradient flow without s, kA and kB; where
 * A is frozen (kA = 0), X = s B and Y = A^T in the time tau = s^2 kB t do so, and the mirror image where B is.
 */
import { InputError } from '../host/inputError.js';
import type { Coefficients } from './coefficients.js';
import { gradientFlow, type Flow } from './flow.js';

/** X = x B and Y = y A^T, B = b X and A^T = a Y, at the time tau = clock t. */
export interface Normalization {
  readonly x: number;
  readonly y: number;
  readonly b: number;
  readonly a: number;
  readonly clock: number;
  /** Squares of x and y. */
  readonly squares: { readonly x: number; readonly y: number };
}

/** @throws InputError if both factors are frozen */
export function normalizationOf(
  { scale: s, lrRatioA, lrRatioB }: Coefficients,
  { factors }: Pick<Flow, 'factors'> = gradientFlow,
): Normalization {
  if (lrRatioA === 0 && lrRatioB === 0)
    throw new InputError('lrRatioA', 0, 'more than 0 where lrRatioB is 0: both factors would be frozen');
  if (factors === 'plain') {
    const [to, from] = [Math.sqrt(s), 1 / Math.sqrt(s)];
    return { x: to, y: to, b: from, a: from, clock: 1, squares: { x: s, y: s } };
  }
  if (lrRatioA === 0)
    return { x: s, y: 1, b: 1 / s, a: 1, clock: s * s * lrRatioB, squares: { x: s * s, y: 1 } };
  if (lrRatioB === 0)
    return { x: 1, y: s, b: 1, a: 1 / s, clock: s * s * lrRatioA, squares: { x: 1, y: s * s } };
  const c = s * Math.sqrt(lrRatioA * lrRatioB);
  return {
    x: Math.sqrt(c / lrRatioB),
    y: Math.sqrt(c / lrRatioA),
    b: Math.sqrt(lrRatioB / c),
    a: Math.sqrt(lrRatioA / c),
    clock: c,
    squares: { x: c / lrRatioB, y: c / lrRatioA },
  };
}

/** Time tau of the factors per unit of time t. */
export const clock = (coefficients: Coefficients, flow: Pick<Flow, 'factors'> = gradientFlow): number =>
  normalizationOf(coefficients, flow).clock;

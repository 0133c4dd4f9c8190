/** Coefficients of schemes as both fused kernels read them: in a row. */
import { stagesOf } from '../src/method/schemes/chebyshev.js';

/**
 * Coefficients of Chebyshev steps of 2, 3, ... stages in a row: first, and then mu, nu, muTilde, gammaTilde of each
 * later stage (schemes/chebyshev.ts), 4 s - 3 numbers for s stages.
 */
export const chebyshevCoefficients = (mostStages: number): number[] =>
  Array.from({ length: mostStages - 1 }, (_, i) => stagesOf(i + 2)).flatMap(({ first, rest }) => [
    first,
    ...rest.flatMap(({ mu, nu, muTilde, gammaTilde }) => [mu, nu, muTilde, gammaTilde]),
  ]);

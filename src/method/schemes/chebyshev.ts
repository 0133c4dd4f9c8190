/**
 * The scheme RKC2: Runge-Kutta-Chebyshev of order 2 (Sommeijer, Shampine, Verwer, RKC: An explicit solver for parabolic
 * PDEs, J. Comput. Appl. Math. 88, 1998). With s stages it is stable on about 0.65 s^2 of the negative real axis, where
 * the spectrum of a gradient flow lies; how many a step needs, power iterations with the Jacobian tell.
 */
import { InputError } from '../../host/inputError.js';
import { LEAST_STAGES, RADIUS_MEMORY, RADIUS_SAFETY, STABILITY_STAGES, STABILITY_USE } from '../control.js';
import type { SchemeFacts } from './facts.js';

export interface Chebyshev extends SchemeFacts {
  readonly kind: 'chebyshev';
  readonly mostStages: number;
}

/** The estimate of a step's error is of the third derivative. */
const ERROR_ORDER = 3;

/**
 * The scheme with steps of so many stages at most, from 2 to 100. It is for a control by error.
 * @throws InputError if that is no such number
 */
export function chebyshev(mostStages: number): Chebyshev {
  if (!(Number.isInteger(mostStages) && mostStages >= LEAST_STAGES && mostStages <= MOST_STAGES))
    throw new InputError('mostStages', mostStages, `a whole number from ${LEAST_STAGES} to ${MOST_STAGES}`);
  return {
    kind: 'chebyshev',
    slopes: 2,
    memory: 0,
    evaluations: 1,
    mostEvaluations: mostStages,
    mostStages,
    globalOrder: 2,
    errorOrder: ERROR_ORDER,
    carries: ['slope', 'direction'],
  };
}

/**
 * Coefficients of a step of s stages: Y_1 = Y_0 + first h F_0, and for j = 2, ..., s
 * Y_j = (1 - mu - nu) Y_0 + mu Y_{j-1} + nu Y_{j-2} + muTilde h F_{j-1} + gammaTilde h F_0.
 */
export interface ChebyshevStages {
  readonly first: number;
  /** For j = 2, ..., s. */
  readonly rest: readonly ChebyshevStage[];
}

export interface ChebyshevStage {
  readonly mu: number;
  readonly nu: number;
  readonly muTilde: number;
  readonly gammaTilde: number;
}

/** Damping: the stability polynomial stays below 1 - epsilon / 3 inside. */
const EPSILON = 2 / 13;

/** Most stages of a step, however precise the arithmetic. */
const MOST_STAGES = 100;

/** Coefficients of a step of s >= 2 stages. */
export function chebyshevStages(s: number): ChebyshevStages {
  const w0 = 1 + EPSILON / s ** 2;
  // Chebyshev polynomials at w0 with their first and second derivatives, by recurrence.
  const [t, d, dd] = [
    [1, w0],
    [0, 1],
    [0, 0],
  ];
  for (let j = 2; j <= s; j++) {
    t!.push(2 * w0 * t![j - 1]! - t![j - 2]!);
    d!.push(2 * t![j - 1]! + 2 * w0 * d![j - 1]! - d![j - 2]!);
    dd!.push(4 * d![j - 1]! + 2 * w0 * dd![j - 1]! - dd![j - 2]!);
  }
  const w1 = d![s]! / dd![s]!;
  const b = (j: number) => dd![Math.max(2, j)]! / d![Math.max(2, j)]! ** 2;
  const rest = Array.from({ length: s - 1 }, (_, i) => {
    const j = i + 2;
    const muTilde = (2 * b(j) * w1) / b(j - 1);
    return {
      mu: (2 * b(j) * w0) / b(j - 1),
      nu: -b(j) / b(j - 2),
      muTilde,
      gammaTilde: -(1 - b(j - 1) * t![j - 1]!) * muTilde,
    };
  });
  return { first: b(1) * w1, rest };
}

const computed = new Map<number, ChebyshevStages>();

/** Coefficients of a step of s >= 2 stages, computed once for every s. */
export function stagesOf(s: number): ChebyshevStages {
  const stages = computed.get(s) ?? chebyshevStages(s);
  computed.set(s, stages);
  return stages;
}

/** Spectral radius to go by, from what a power iteration measured (NaN: none was made) and the one before. */
export const spectralRadius = (measured: number, before: number): number =>
  Number.isFinite(measured) ? Math.max(RADIUS_SAFETY * measured, RADIUS_MEMORY * before) : before;

/** Least number of stages of a step h that is stable up to a spectral radius. */
export const stagesFor = (h: number, radius: number): number =>
  Math.max(LEAST_STAGES, 1 + Math.floor(Math.sqrt(1 + STABILITY_STAGES * h * radius)));

/** Largest step that needs so many stages at most, up to a spectral radius. */
export const stableStep = (stages: number, radius: number): number =>
  radius > 0 ? (STABILITY_USE * (stages ** 2 - 1)) / STABILITY_STAGES / radius : Infinity;

/** Unit roundoff of float32, in which states are held unless float64 is asked for: either takes the same steps. */
const ROUNDOFF = 2 ** -24;
/** Unit roundoff of float64, which tolerances below 1e-7 are for. */
const FINE_ROUNDOFF = 2 ** -53;

/** Most stages of which rounding leaves the error of a step alone: it grows with the square of their number. */
export const mostStages = (rtol: number): number =>
  Math.min(MOST_STAGES, Math.max(4, Math.floor(Math.sqrt(rtol / (rtol < 1e-7 ? FINE_ROUNDOFF : ROUNDOFF)))));

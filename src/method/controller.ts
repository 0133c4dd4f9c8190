/**
 * Step-size control of one trajectory, in float64 on the host: the PI controller of DOPRI5 and its starting step
 * (Hairer, Norsett, Wanner I, II.4; Gustafsson 1991). Errors are norms of a whole state, which orthogonal changes of
 * frame leave alone.
 */
const SAFETY = 0.9;
const SHRINK_LIMIT = 0.2;
const GROW_LIMIT = 5;
const BETA = 0.04;

export interface StepDecision {
  readonly accepted: boolean;
  /** The step size to try next. */
  readonly next: number;
  /** Memory of the controller: the scaled error of the last accepted step. */
  readonly lastError: number;
}

/** |error| / (atol + rtol |state|): a step is accepted at 1 or below. */
export const scaledError = (error: number, state: number, rtol: number, atol: number): number =>
  error === 0 ? 0 : error / (atol + rtol * state);

/**
 * Judges a step of size h by its scaled error (NaN or infinite: the step left the representable range).
 * @param order order of the embedded pair's better solution
 * @param afterRejection true if the previous try of this step was rejected: the step may then not grow
 */
export function decide(
  h: number,
  error: number,
  lastError: number,
  order: number,
  afterRejection: boolean,
): StepDecision {
  if (!Number.isFinite(error)) return { accepted: false, next: h * SHRINK_LIMIT, lastError };
  const exponent = 1 / order - 0.75 * BETA;
  if (error > 1) {
    return { accepted: false, next: h * Math.max(SHRINK_LIMIT, SAFETY * error ** -exponent), lastError };
  }
  const growth = error === 0 ? GROW_LIMIT : SAFETY * error ** -exponent * lastError ** BETA;
  const limit = afterRejection ? 1 : GROW_LIMIT;
  return {
    accepted: true,
    next: h * Math.min(limit, Math.max(SHRINK_LIMIT, growth)),
    lastError: Math.max(error, 1e-4),
  };
}

/** First guess of a starting step from the norms of the state and its derivative. */
export const firstGuess = (state: number, derivative: number): number =>
  state > 0 && derivative > 0 ? (0.01 * state) / derivative : 1e-6;

/**
 * Starting step from an Euler step of the guessed size h0.
 * @param curvature |F(z + h0 F(z)) - F(z)| / h0
 * @param scale atol + rtol |z|
 */
export function startingStep(
  h0: number,
  derivative: number,
  curvature: number,
  scale: number,
  order: number,
): number {
  const largest = Math.max(derivative, curvature) / scale;
  const h1 =
    largest <= 1e-15 || !Number.isFinite(largest)
      ? Math.max(1e-6, h0 * 1e-3)
      : (0.01 / largest) ** (1 / (order + 1));
  return Math.min(100 * h0, h1);
}

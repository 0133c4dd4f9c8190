/**
 * The scalar equation behind every closed form of the LoRA flow, z' = 2c (q z + beta - gamma z^2), z(0) = 1,
 * solved so that only non-negative numbers are ever added: with D = sqrt(q^2 + 4 beta gamma),
 *   z(t) = (e + (D + q + 2 beta) w) / (e + (D - q + 2 gamma) w),  e = exp(-2cDt),  w = (1 - e) / (2D),
 * the usual (z+ - z- K e) / (1 - K e) multiplied out: nothing overflows, cancels, or breaks down at D = 0 or z- = 1.
 */

export interface RiccatiInput {
  /** Coupling c > 0. */
  readonly c: number;
  /** Any real number. */
  readonly q: number;
  /** Non-negative. */
  readonly beta: number;
  /** Non-negative; with gamma = 0 and q > 0, or beta > 0 and q = 0, z grows without bound. */
  readonly gamma: number;
  /** q + beta - gamma, where it is known to more digits than that sum has. */
  readonly residual0?: number;
}

export interface RiccatiSolution {
  /** z at a time t in [0, Infinity], kept within [1e-300, 1e300] so that z and 1/z are finite. */
  at(t: number): number;
  /** q + beta/z - gamma z = (d/dt ln z) / 2c at t in [0, Infinity], to full relative accuracy however small it is. */
  residual(t: number): number;
  /** z at infinite time: Infinity where z grows without bound, 0 where it dies out. */
  readonly limit: number;
  /** 2cD, the exponential rate per unit of time at which z reaches its limit; 0 where the approach is algebraic. */
  readonly rate: number;
}

/**
 * Solves z' = 2c (q z + beta - gamma z^2), z(0) = 1 (derived from the flow: `traceSquaredPath` and `alignedPath`
 * say how their losses come down to it).
 *
 * @throws Error when c is not positive, beta or gamma is negative, or any of the four is not finite
 */
export function riccati({ c, q, beta, gamma, residual0 = q + beta - gamma }: RiccatiInput): RiccatiSolution {
  if (!(c > 0 && beta >= 0 && gamma >= 0 && Number.isFinite(c + Math.abs(q) + beta + gamma + residual0))) {
    throw new Error(`riccati needs c > 0 and beta, gamma >= 0: c=${c}, q=${q}, beta=${beta}, gamma=${gamma}`);
  }
  const root = 2 * Math.sqrt(beta) * Math.sqrt(gamma);
  const d = Math.hypot(q, root);
  const larger = d + Math.abs(q);
  const smaller = larger === 0 ? 0 : root * (root / larger); // d - |q|
  const a = 2 * beta + (q > 0 ? larger : smaller);
  const b = 2 * gamma + (q > 0 ? smaller : larger);
  const rate = 2 * c * d;

  const fraction = (t: number) => {
    const x = d === 0 ? 0 : rate * t;
    // (1 - e^-x) / (2D), where x underflows too: there it is c t.
    const w = x < 1 ? c * t * (x === 0 ? 1 : -Math.expm1(-x) / x) : -Math.expm1(-x) / (2 * d);
    const e = Math.exp(-x);
    return { e, above: a === 0 ? e : e + a * w, below: b === 0 ? e : e + b * w };
  };
  const z = (t: number) => {
    const { above, below } = fraction(t);
    return above / below;
  };
  return {
    at: (t) => Math.min(Math.max(z(t), 1e-300), 1e300),
    residual: (t) => {
      const { e, above, below } = fraction(t);
      const decay = a === 0 || b === 0 ? 1 / Math.max(above, below) : e / (above * below);
      return residual0 * decay;
    },
    limit: z(Infinity),
    rate,
  };
}

/**
 * Full fine-tuning on a noisy target: dW/dt = -(W - M^), M^ = M + tau Z, so W(t) = M^ + e^{-t} (W0 - M^), and its risk
 * |W(t) - M|_F^2 against the clean M. Stopped early it shrinks every direction alike, the ridge estimate of penalty
 * 1 / (e^t - 1).
 */

export interface NoisyFullFineTuningInput {
  /** |M - W0|_F^2 > 0. */
  readonly errorSquares: number;
  /** |tau Z|_F^2 of a draw, or its mean tau^2 n. */
  readonly noiseSquares: number;
  /** <M - W0, tau Z>_F of a draw, or its mean 0 (default: 0). */
  readonly inner?: number;
}

export interface NoisyFullFineTuning {
  /** (1 - u)^2 |tau Z|^2 + u^2 |E|^2 - 2 u (1 - u) <E, tau Z> with E = M - W0, u = e^{-t}; t in [0, Infinity]. */
  risk(t: number): number;
  /** Time of the least risk, Infinity where stopping never pays: u = (|tau Z|^2 + <E, tau Z>) / |E + tau Z|^2. */
  readonly bestTime: number;
  /** The risk then. */
  readonly bestRisk: number;
}

/** Exact for a draw, given its norms; with the means of those the mean over draws, exact at every t. */
export function noisyFullFineTuning({
  errorSquares,
  noiseSquares,
  inner = 0,
}: NoisyFullFineTuningInput): NoisyFullFineTuning {
  const riskOf = (u: number) => {
    const learned = 1 - u;
    return learned * learned * noiseSquares + u * u * errorSquares - 2 * u * learned * inner;
  };
  const best = Math.min(1, Math.max(0, (noiseSquares + inner) / (errorSquares + noiseSquares + 2 * inner)));
  return {
    // 1 - e^{-t} as such loses digits of small t alone, where the risk is |E|^2.
    risk: (t) => riskOf(Math.exp(-t)),
    bestTime: -Math.log(best) || 0,
    bestRisk: riskOf(best),
  };
}

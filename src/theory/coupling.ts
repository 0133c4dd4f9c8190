/**
 * The factors of every closed form: X [n, r] and Y [m, r] with s B A = c X Y^T and dX/dt = -c G Y, dY/dt = -c G^T X.
 * Two choices of factors and time are such, and every input says by its coupling c which is meant:
 * - normalized factors, c = 1 in the time tau = s sqrt(kA kB) t: what problems, kernels and results hold
 *   (src/method/system.ts);
 * - scaled factors X = B / sqrt(kB), Y = A^T / sqrt(kA) in the time t, c = s sqrt(kA kB): what formulas are written in.
 */
export interface Coupling {
  /** Coupling c > 0 of the factors (default: 1, normalized factors). */
  readonly c?: number;
}

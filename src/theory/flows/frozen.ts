/**
 * The gradient flow of the low-rank approximation with one factor frozen (LoRA-FA, Zhang et al. 2023; asymmetric LoRA,
 * Zhu et al. 2024): a linear equation. In the factors X = s B, Y = A^T and the time tau = s^2 kB t of a frozen A,
 * dX/dtau = E Y - X (Y^T Y + w I), w the decay of B by tau; a frozen B is the mirror image, with E^T.
 */
import { dense, type Dense } from '../../numbers/dense.js';
import { multiply, multiplyTransposedRight } from '../../numbers/products.js';
import { svd } from '../../numbers/svd.js';

export interface FrozenInput {
  /** E Y [n, r] of a frozen Y, E^T X [m, r] of a frozen X. */
  readonly seen: Dense;
  /** The factor that moves, at its start: X0 [n, r], or Y0 [m, r]. */
  readonly moving: Dense;
  /** The other: Y [m, r], or X [n, r]. */
  readonly frozen: Dense;
  /** |E|_F^2. */
  readonly squares: number;
  /** Decay of the moving factor by tau (default: 0). */
  readonly decay?: number;
}

/** Everything takes a time tau in [0, Infinity]; Infinity gives the end of the path. */
export interface FrozenPath {
  /** The factor that moves. */
  moving(tau: number): Dense;
  /** 1/2 |X Y^T - E|_F^2. */
  loss(tau: number): number;
  /** Exponential rate at which the moving factor settles, by tau: the smallest of a part that moves; 0 if none does. */
  readonly rate: number;
}

/**
 * The path. With Y^T Y = V diag(q) V^T, the columns of X V move apart, each from its start to (E Y V)_j / (q_j + w) at the
 * rate q_j + w: without decay to E P, P the projection on the span of Y.
 */
export function frozenPath({ seen, moving, frozen, squares, decay = 0 }: FrozenInput): FrozenPath {
  const { sigma, right } = svd(frozen);
  const r = frozen.cols;
  const q = sigma.map((s) => s * s);
  const least = (Math.max(frozen.rows, r) * Number.EPSILON * sigma[0]!) ** 2;
  const [aims, starts] = [multiply(seen, right), multiply(moving, right)];
  const rates = q.map((value) => (value <= least ? 0 : value) + decay);
  const at = (tau: number): Dense =>
    dense(
      starts.rows,
      r,
      starts.data.map((start, k) => {
        const rate = rates[k % r]!;
        // A direction that Y lacks gets nothing of E.
        if (rate === 0) return start;
        const left = Math.exp(-rate * tau);
        return start * left + (aims.data[k]! / rate) * -Math.expm1(-rate * tau);
      }),
    );
  const columnsMove = (j: number) =>
    rates[j]! > 0 &&
    Array.from({ length: starts.rows }, (_, i) => i * r + j).some(
      (k) => starts.data[k] !== aims.data[k]! / rates[j]!,
    );
  const moved = [...rates.keys()].filter(columnsMove).map((j) => rates[j]!);
  return {
    moving: (tau) => multiplyTransposedRight(at(tau), right),
    loss(tau) {
      // Above the least that this factor allows, so that small excesses keep their digits.
      let [floor, above] = [squares, 0];
      at(tau).data.forEach((x, k) => {
        const [square, aim] = [q[k % r]!, aims.data[k]!];
        if (square <= least) return;
        floor -= aim ** 2 / square;
        above += square * (x - aim / square) ** 2;
      });
      return (Math.max(0, floor) + above) / 2;
    },
    rate: moved.length > 0 ? Math.min(...moved) : 0,
  };
}

/**
 * Mean of |E - E P|_F^2 / |E|_F^2 over projections P of that rank whose mean is a multiple of I, as on the row space of
 * any A0 whose columns are exchangeable and symmetric: 1 - rank / m. Of a frozen B, with n in the place of m.
 */
export const randomSubspaceError = (rank: number, side: number): number => Math.max(0, 1 - rank / side);

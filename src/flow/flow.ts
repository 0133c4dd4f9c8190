/**
 * How factors move by a loss. A structure gives the descent of both factors, -G Y of X and -G^T X of Y (G the gradient
 * of the loss, on each side in its structures/); a flow makes their derivatives of it, and says which symmetries it
 * has.
 */

/** Changes of variables that take trajectories of a flow to trajectories of it. */
export interface Symmetries {
  /** (X, Y) -> (U X R, V Y R), U, V, R orthogonal: a loss may be rotated to its spectral frame, and draws with it. */
  readonly rotation: boolean;
  /** The scale s and the learning-rate ratios: trajectories are those of normalized factors in the time tau = c t. */
  readonly scaling: boolean;
}

/** A flow of the normalized factors X and Y. */
export interface Flow {
  readonly name: string;
  readonly symmetries: Symmetries;
  /** The derivative by normalized time of X (index 0) or Y (1), from its descent and both factors. */
  derivative<Matrix>(index: number, descent: Matrix, factors: readonly [Matrix, Matrix]): Matrix;
}

/** The gradient flow, dX/dtau = -G Y and dY/dtau = -G^T X (Rushka & Klabjan 2026). */
export const gradientFlow: Flow = {
  name: 'gradient',
  symmetries: { rotation: true, scaling: true },
  derivative: (_, descent) => descent,
};

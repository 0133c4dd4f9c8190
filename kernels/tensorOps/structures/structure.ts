/** The words of a structure as tensor operations: what each of the files beside this one says of its kind. */
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';

/** Sides of W and of its factors. */
export interface Shape {
  readonly n: number;
  readonly m: number;
  /** Width of the factors: the rank, or more with zero columns. */
  readonly width: number;
}

/** The descent -G Y of X [batch, n, width] and -G^T X of Y [batch, m, width], G the gradient of the loss. */
export interface Descent {
  dX(x: Tensor3D, y: Tensor3D): Tensor3D;
  dY(x: Tensor3D, y: Tensor3D): Tensor3D;
  /** Both descents, dX and dY, where they share work. */
  both?(x: Tensor3D, y: Tensor3D): [Tensor3D, Tensor3D];
  /** The descent of the mean loss over the samples of each row alone, indices [batch, B]; only of losses over samples. */
  over?(samples: Tensor2D): Pick<Descent, 'dX' | 'dY' | 'both'>;
  /** Constants of the structure that are held on the device. */
  readonly constants: readonly Tensor2D[];
}

/** Prepares the descent of a structure of one kind. */
export type DescentOf<S> = (structure: S, shape: Shape) => Descent;

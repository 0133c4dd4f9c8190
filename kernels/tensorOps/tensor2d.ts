/** Matrices of the host as tensors. */
import { tensor2d as tensor, type Tensor2D } from '@tensorflow/tfjs';
import type { Dense } from '../../src/numbers/dense.js';

/** A matrix [rows, cols] as a float32 tensor on the backend in use. */
export const tensor2d = ({ rows, cols, data }: Dense): Tensor2D =>
  tensor(Float32Array.from(data), [rows, cols]);

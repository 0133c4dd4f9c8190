/** What the wasm kernel reads of f = 1/2 |X Y^T - diag(sigma)|^2: sigma for the rows of the longer factor. */
import type { DiagonalStructure } from '../../../src/problem/structure.js';
import { rowNumbers, type TableOf } from './structure.js';

export const diagonal: TableOf<DiagonalStructure> = ({ sigma }, layout) => {
  const scales = rowNumbers(layout);
  scales.set(sigma);
  return { scales };
};

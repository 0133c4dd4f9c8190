/** Descent of f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T), P = E H: P Y - X (Y^T H Y) and P^T X - H Y (X^T X). */
import { Part } from '../generated/constants';
import { dense, gram, product } from '../generated/unrolled';
import { parameters } from '../parameters';
import { columns, xBlocks, xBytes, yBlocks } from '../shape';

export function descent(out: usize, state: usize, parts: i32): void {
  const x = state;
  const y = state + xBytes;
  const g = parameters.gram;
  const scales = parameters.scales;
  let weighted = y;
  if (parameters.covariance != 0) {
    weighted = parameters.weighted;
    dense(weighted, parameters.covariance, y, yBlocks, yBlocks, columns);
  }
  if (parts & Part.X) {
    dense(out, parameters.p, y, xBlocks, yBlocks, columns);
    gram(g, y, weighted, yBlocks, columns);
    product(out, out, scales, x, g, xBlocks, columns);
  }
  if (parts & Part.Y) {
    const dY = out + xBytes;
    dense(dY, parameters.pTransposed, x, yBlocks, xBlocks, columns);
    gram(g, x, x, xBlocks, columns);
    product(dY, dY, scales, weighted, g, yBlocks, columns);
  }
}

/**
 * Descent of f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T), P = E H, less the decay: P Y - X (Y^T H Y + mu) and
 * P^T X - H Y (X^T X) - nu Y.
 */
import { Part } from '../generated/constants';
import { dense, gram, product } from '../generated/unrolled';
import { parameters } from '../parameters';
import { columns, stateBytes, xBlocks, xBytes, yBlocks } from '../shape';
import { combine, term } from '../vectors';

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
    gram(g, y, weighted, yBlocks, columns, parameters.decayX);
    product(out, out, scales, x, g, xBlocks, columns);
  }
  if (parts & Part.Y) {
    const dY = out + xBytes;
    dense(dY, parameters.pTransposed, x, yBlocks, xBlocks, columns);
    gram(g, x, x, xBlocks, columns, weighted == y ? parameters.decayY : 0);
    product(dY, dY, scales, weighted, g, yBlocks, columns);
    if (weighted != y && parameters.decayY != 0) {
      term(1, dY);
      term(-parameters.decayY, y);
      combine(dY, 0, stateBytes - xBytes);
    }
  }
}

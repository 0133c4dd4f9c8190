/** Descent of f = 1/2 |X Y^T - diag(sigma)|^2, less the decay. */
import { Part } from '../generated/constants';
import { gram, product } from '../generated/unrolled';
import { parameters } from '../parameters';
import { VECTOR } from '../real';
import { blockBytes, columns, xBlocks, xBytes, yBlocks } from '../shape';

export function descent(out: usize, state: usize, parts: i32): void {
  const x = state;
  const y = state + xBytes;
  if (parts & Part.X) half(out, x, y, xBlocks, yBlocks, parameters.decayX);
  if (parts & Part.Y) half(out + xBytes, y, x, yBlocks, xBlocks, parameters.decayY);
}

/** sigma other - own (other^T other + decay): the same for either factor. */
function half(out: usize, own: usize, other: usize, ownBlocks: i32, otherBlocks: i32, decay: f64): void {
  const g = parameters.gram;
  const scales = parameters.scales;
  gram(g, other, other, otherBlocks, columns, decay);
  const common = min(ownBlocks, otherBlocks);
  product(out, other, scales, own, g, common, columns);
  // Below the other's last row sigma is zero; what it multiplies does not matter.
  const rest = blockBytes * common;
  product(out + rest, own + rest, scales + VECTOR * common, own + rest, g, ownBlocks - common, columns);
}

/** The rules of flows as they are defined, by singular values and pseudo-inverses: no code of theirs. */
import type { FlowRule } from '../../src/flow/rules.js';
import { difference, identity, scaledColumns, sum, scaled, type Dense } from '../../src/numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../src/numbers/products.js';
import { svd } from '../../src/numbers/svd.js';

/** (Z^T Z + damping I)^-1 from the singular values of that sum. */
function inverse(z: Dense, damping: number): Dense {
  const squares = sum(multiplyTransposedLeft(z, z), scaled(identity(z.cols), damping));
  const { left, sigma, right } = svd(squares);
  return multiplyTransposedRight(
    scaledColumns(
      right,
      sigma.map((s) => 1 / s),
    ),
    left,
  );
}

/** The movement of a factor by its descent, at factors [X, Y]. */
export function byDefinition(
  rule: FlowRule,
  index: 0 | 1,
  descent: Dense,
  factors: readonly [Dense, Dense],
  damping: number,
): Float64Array {
  const [x, y] = factors;
  switch (rule) {
    case 'gradient':
      return descent.data;
    case 'scaled':
      return multiply(descent, inverse(index === 0 ? y : x, damping)).data;
    case 'projected': {
      const by = multiply(descent, inverse(index === 0 ? y : x, damping));
      if (index === 1) return by.data;
      const onto = multiplyTransposedRight(multiply(x, inverse(x, damping)), x);
      return multiply(difference(identity(x.rows), onto), by).data;
    }
    case 'spectral': {
      const { left, sigma, right } = svd(descent);
      return multiplyTransposedRight(
        scaledColumns(
          left,
          sigma.map((s) => s / Math.sqrt(s * s + damping * damping)),
        ),
        right,
      ).data;
    }
    case 'sign':
      return descent.data.map((d) => d / Math.sqrt(d * d + damping * damping));
  }
}

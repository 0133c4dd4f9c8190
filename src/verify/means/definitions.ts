/**
 * Flows as they are defined, in B, A and time t: by singular values and inverses of sums, in float64, with nothing of what
 * kernels compute them by. Gradients are gB = s G A^T [n, r] and gA = s B^T G [r, m].
 */
import type { State64 } from '../../../kernels/cpu/state.js';
import { gradientFlow, type Flow } from '../../flow/flow.js';
import type { FlowRule } from '../../flow/rules.js';
import {
  dense,
  difference,
  identity,
  scaled,
  scaledColumns,
  sum,
  transposed,
  type Dense,
} from '../../numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../numbers/products.js';
import { svd } from '../../numbers/svd.js';
import type { Case } from '../cases.js';

/** (Z^T Z + damping I)^-1 by the singular values of that sum. */
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

/** The movement of factor `index` of [Z_0, Z_1] (two of r columns) by D, as a rule has it. */
export function byDefinition(
  rule: FlowRule,
  index: 0 | 1,
  d: Dense,
  factors: readonly [Dense, Dense],
  damping: number,
): Dense {
  switch (rule) {
    case 'gradient':
      return d;
    case 'scaled':
      return multiply(d, inverse(factors[1 - index]!, damping));
    case 'projected': {
      const by = multiply(d, inverse(factors[1 - index]!, damping));
      if (index === 1) return by;
      const [x] = factors;
      const onto = multiplyTransposedRight(multiply(x, inverse(x, damping)), x);
      return multiply(difference(identity(x.rows), onto), by);
    }
    case 'spectral': {
      const { left, sigma, right } = svd(d);
      const unit = sigma.map((s) => s / Math.hypot(s, damping));
      return multiplyTransposedRight(scaledColumns(left, unit), right);
    }
    case 'sign':
      return dense(
        d.rows,
        d.cols,
        d.data.map((value) => value / Math.hypot(value, damping)),
      );
  }
}

/** [dB/dt, dA/dt] of the flow of a case at [B, A], by the gradients [gB, gA] there. */
export function slopeByDefinition(at: Case, [b, a]: State64, [gB, gA]: State64): State64 {
  const { rank: r, problem, coefficients } = at;
  const { n, m } = problem;
  const { scale, lrRatioA, lrRatioB } = coefficients;
  const { rule, damping, decay, coupledDecay }: Flow = at.flow ?? gradientFlow;
  const factors = [dense(n, r, b!), transposed(dense(r, m, a!))] as const;
  const gradients = [dense(n, r, gB!), transposed(dense(r, m, gA!))] as const;
  const unit = rule === 'projected' ? 1 / scale ** 2 : 1;
  const slopes = ([0, 1] as const).map((index) => {
    const ratio = index === 0 ? lrRatioB : lrRatioA;
    const z = factors[index];
    if (ratio === 0) return dense(z.rows, z.cols);
    const inside = sum(gradients[index], scaled(z, coupledDecay));
    const by = byDefinition(rule, index, inside, factors, damping);
    return sum(scaled(by, -ratio * unit), scaled(z, -decay));
  });
  return [slopes[0]!.data, transposed(slopes[1]!).data];
}

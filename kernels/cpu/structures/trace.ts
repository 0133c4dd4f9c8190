/** The float64 twin of f = 1/2 (trace0 + tr(X Y^T))^2. */
import { dense, type Dense } from '../../../src/numbers/dense.js';
import { dot } from '../../../src/numbers/gram.js';
import type { TraceStructure } from '../../../src/problem/structure.js';
import { halfResidual, LOST } from './products.js';
import { withGrams, type Evaluation, type StructureTwin, type WithGrams } from './structure.js';

export const trace: StructureTwin<TraceStructure> = {
  resolvesExcess: false,
  evaluator: ({ trace0 }) => withGrams((at) => evaluation(trace0, at)),
  lossOf:
    ({ trace0 }) =>
    (x, y) =>
      (trace0 + dot(x, y)) ** 2 / 2,
};

function evaluation(trace0: number, { x, y, r, xx, yy }: WithGrams): Evaluation {
  const updateTrace = dot(x, y);
  const p = trace0 + updateTrace;
  const n = x.length / r;
  const update2 = dot(xx, yy);
  const own = trace0 ** 2 / n;
  const square = update2 + 2 * updateTrace * (trace0 / n) + own;
  return {
    loss: (p * p) / 2,
    excess: null,
    dX: y.map((value) => -p * value),
    dY: x.map((value) => -p * value),
    distance: Math.sqrt(
      square > LOST * own ? square : 2 * halfResidual(multipleOfIdentity(-trace0 / n, n), null, x, y, r),
    ),
  };
}

function multipleOfIdentity(value: number, n: number): Dense {
  const out = dense(n, n);
  for (let i = 0; i < n; i++) out.data[i * n + i] = value;
  return out;
}

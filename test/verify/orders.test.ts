/** Checks of orders hold on the host, and catch tableaus and steps with a wrong coefficient or float32 sums. */
import { beforeAll } from 'vitest';
import { rungeKuttaStep } from '../../kernels/cpu/schemes/rungeKutta.js';
import { tableaus } from '../../src/method/tableaus.js';
import type { Tableau } from '../../src/method/tableau.js';
import type { CheckContext } from '../../src/verify/check.js';
import { orderChecks } from '../../src/verify/checks/orders.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { contextOn, holdAndCatch } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('cpu');
});

/** The tableau with the seventh digit of one weight changed. */
const changed = ({ b, ...rest }: Tableau): Tableau => ({
  ...rest,
  b: b.map((weight, i) => (i === 2 ? weight + 1e-6 : weight)),
});

/** dopri5 with an error estimate of a lower order, whose steps do not follow the tolerance. */
const wrongEstimate: Tableau = {
  ...tableaus.dopri5,
  errorWeights: tableaus.dopri5.b.map((_, i) => (i === 0 ? -1e-4 : i === 6 ? 1e-4 : 0)),
};

/** A step that adds its stages up in float32. */
const float32Step: VerificationSubject['rungeKuttaStep'] = async (...args) => {
  const { next, ...rest } = await rungeKuttaStep(...args);
  return { ...rest, next: next.map((state) => state.map((z) => z.map(Math.fround))) };
};

holdAndCatch(orderChecks, () => context, {
  'orders/conditions': {
    'one digit of rk4': { tableaus: { ...tableaus, rk4: changed(tableaus.rk4) } },
    'one digit of dopri5': { tableaus: { ...tableaus, dopri5: changed(tableaus.dopri5) } },
  },
  'orders/fixed-step': {
    'one digit of rk4': { tableaus: { ...tableaus, rk4: changed(tableaus.rk4) } },
    'a float32 sum': { rungeKuttaStep: float32Step },
  },
  'orders/tolerance': {
    'an error estimate of a lower order': { tableaus: { ...tableaus, dopri5: wrongEstimate } },
  },
});

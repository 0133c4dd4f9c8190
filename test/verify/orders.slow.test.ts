/** Checks of orders hold on the host, and catch tableaus and steps with a wrong coefficient or float32 sums. */
import { beforeAll, describe, expect, it } from 'vitest';
import { rungeKuttaStep } from '../../kernels/cpu/schemes/rungeKutta.js';
import { tableaus } from '../../src/method/tableaus.js';
import type { Tableau } from '../../src/method/tableau.js';
import type { CheckContext } from '../../src/verify/check.js';
import { orderChecks } from '../../src/verify/checks/orders.js';
import { fittedOrder, logSlope } from '../../src/verify/means/logSlope.js';
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

describe('a fitted order', () => {
  const steps = [24, 32, 48, 64, 96].map((count) => 1 / count);
  const errors = steps.map((h) => 3 * h ** 5 * (1 - 6 * h));

  it('is that of the leading error, where the next is no small part', () => {
    expect(Math.abs(fittedOrder(steps, errors) - 5)).toBeLessThan(0.05);
    // A slope alone takes one for the other.
    expect(Math.abs(logSlope(steps, errors).slope - 5)).toBeGreaterThan(0.1);
    for (const order of [4, 6])
      expect(
        fittedOrder(
          steps,
          errors.map((error, i) => error * steps[i]! ** (order - 5)),
        ),
      ).toBeCloseTo(order, 1);
  });
});

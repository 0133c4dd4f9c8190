/** The trace-squared loss: simulated paths, ends and rates of LoRA and full fine-tuning against their closed forms. */
import { dense, transposed } from '../../../numbers/dense.js';
import type { Adapter } from '../../../ensemble/adapter.js';
import { Worst, type Check, type CheckContext } from '../../check.js';
import type { Draws } from '../../cases.js';
import { stateOf } from '../../means/fields.js';
import { relativeError } from '../../means/precision.js';
import { coupled, traceCases, uncoupled, type TraceCase } from './problems.js';
import {
  compareFull,
  comparePath,
  compareRate,
  endBudget,
  rateBudget,
  simulated,
  timeUntil,
} from './simulate.js';
import { pathBudget } from '../../means/trajectories.js';

const PAPER = 'Rushka & Klabjan 2026';
const DERIVED = 'derived from the flow of Rushka & Klabjan 2026';

const anyStart = (draws: Draws, n: number, rank: number) => {
  const { loraB, loraA } = draws.adapter(n, n, rank);
  return { x: loraB, y: transposed(loraA) };
};

const gaussianStart = (draws: Draws, n: number, rank: number) => ({
  x: dense(n, rank),
  y: draws.gaussian(n, rank, 1 / Math.sqrt(n)),
});

const pathFrom = ({ subject }: CheckContext, { trace0, coefficients }: TraceCase, adapter: Adapter) =>
  subject.theory.traceSquaredPath({ trace0, ...coupled(adapter, coefficients) });

const path: Check = {
  id: 'closed-forms/trace-squared-path',
  claim:
    'LoRA on the trace-squared loss follows its closed form from any B0 and A0: s B A, B, A and the loss',
  source: DERIVED,
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of traceCases(context, anyStart))
      await comparePath(
        context,
        at,
        (adapter) => {
          const closed = pathFrom(context, at, adapter);
          return (t) => {
            const { x, y } = closed.factors(t);
            const state = stateOf(uncoupled(x, y, at.coefficients));
            return { update: closed.update(t).data, loss: closed.loss(t), state };
          };
        },
        worst,
      );
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

const full: Check = {
  id: 'closed-forms/trace-squared-full',
  claim: 'full fine-tuning of the trace-squared loss has tr W = tr W0 e^{-nt} and moves along I alone',
  source: PAPER,
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of traceCases(context, anyStart)) {
      const { n } = at.problem;
      const path = (t: number) => {
        const p = context.subject.theory.traceSquaredFullTrace(at.trace0, n, t);
        const update = new Float64Array(n * n);
        for (let i = 0; i < n; i++) update[i * n + i] = (p - at.trace0) / n;
        return { update, loss: p ** 2 / 2 };
      };
      await compareFull(context, at, 3 / n, path, worst);
    }
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

const end: Check = {
  id: 'closed-forms/trace-squared-end',
  claim:
    'from B0 = 0 LoRA of every rank ends at zero trace-squared loss, with s B A = -tr W0 A0^T A0 / |A0|_F^2',
  source: DERIVED,
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of traceCases(context, gaussianStart)) {
      const { c } = coupled(at.adapters[0]!, at.coefficients);
      // The trace falls at the rate 2c |tr W0| or faster.
      const [ends] = await simulated(context, at, [timeUntil(1e-8, 2 * c * Math.abs(at.trace0))]);
      ends!.forEach((found, k) => {
        const expected = context.subject.theory.traceSquaredFinalUpdate(at.trace0, at.adapters[k]!.loraA);
        worst.add(relativeError([found.update()], [expected.data]), `${at.name}: s B A`);
        worst.add(Math.sqrt(2 * found.loss) / Math.abs(at.trace0), `${at.name}: tr W`);
      });
    }
    return { ...worst.result, allowed: endBudget(context.backend) };
  },
};

const rate: Check = {
  id: 'closed-forms/trace-squared-rate',
  claim: 'late on, the trace falls at the rate 2cD, D = sqrt((tr W0)^2 + 4 c^2 U V)',
  source: DERIVED,
  on: 'backend',
  async measure(context) {
    const worst = new Worst(1);
    for (const at of traceCases(context, anyStart)) {
      const size = Math.abs(at.trace0);
      const closed = pathFrom(context, at, at.adapters[0]!);
      const left = (t: number) => Math.abs(closed.trace(t)) / size;
      await compareRate(context, at, closed.rate, left, ({ loss }) => Math.sqrt(2 * loss) / size, worst);
    }
    return { ...worst.result, allowed: rateBudget(context.backend) };
  },
};

export const traceSquaredChecks: readonly Check[] = [path, full, end, rate];

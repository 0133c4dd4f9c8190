/** The trace-squared loss: simulated paths, ends and rates of LoRA and full fine-tuning against their closed forms. */
import { dense, transposed } from '../../../numbers/dense.js';
import type { Adapter } from '../../../ensemble/adapter.js';
import { Worst, type Check, type CheckContext } from '../../check.js';
import type { Draws } from '../../cases.js';
import { stateOf } from '../../means/fields.js';
import { relativeError } from '../../means/precision.js';
import { coupled, traceCases, uncoupled, type TraceCase } from './problems.js';
import { checksOf } from './pathChecks.js';
import { compareFull, timeUntil } from './simulate.js';
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

const { path, end, rate } = checksOf<TraceCase>({
  name: 'trace-squared',
  path: {
    claim:
      'LoRA on the trace-squared loss follows its closed form from any B0 and A0: s B A, B, A and the loss',
    source: DERIVED,
    cases: (context) => traceCases(context, anyStart),
    expected(context, at, adapter) {
      const closed = pathFrom(context, at, adapter);
      return (t) => {
        const { x, y } = closed.factors(t);
        const state = stateOf(uncoupled(x, y, at.coefficients));
        return { update: closed.update(t).data, loss: closed.loss(t), state };
      };
    },
  },
  end: {
    claim:
      'from B0 = 0 LoRA of every rank ends at zero trace-squared loss, with s B A = -tr W0 A0^T A0 / |A0|_F^2',
    source: DERIVED,
    cases: (context) => traceCases(context, gaussianStart),
    reach({ subject }, at) {
      const { c } = coupled(at.adapters[0]!, at.coefficients);
      const size = Math.abs(at.trace0);
      return {
        // The trace falls at the rate 2c |tr W0| or faster.
        time: timeUntil(1e-8, 2 * c * size),
        errors(snapshot, adapter) {
          const expected = subject.theory.traceSquaredFinalUpdate(at.trace0, at.adapters[adapter]!.loraA);
          return [
            [relativeError([snapshot.update()], [expected.data]), 's B A'],
            [Math.sqrt(2 * snapshot.loss) / size, 'tr W'],
          ];
        },
      };
    },
  },
  rate: {
    claim: 'late on, the trace falls at the rate 2cD, D = sqrt((tr W0)^2 + 4 c^2 U V)',
    source: DERIVED,
    cases: (context) => traceCases(context, anyStart),
    approach(context, at) {
      const size = Math.abs(at.trace0);
      const closed = pathFrom(context, at, at.adapters[0]!);
      return {
        rate: closed.rate,
        left: (t) => Math.abs(closed.trace(t)) / size,
        measured: ({ loss }) => Math.sqrt(2 * loss) / size,
      };
    },
  },
});

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

export const traceSquaredChecks: readonly Check[] = [path, full, end, rate];

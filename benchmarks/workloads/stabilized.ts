/**
 * A long horizon, T = 2000, on which the stability of dopri5 and not its accuracy sets its steps: evaluations of dopri5
 * over those of rkc2 at the same tolerance. It counts only if the update X Y^T that rkc2 ends with is as near to the one
 * of dopri5 at a tolerance of 1e-10. In float64; what is counted are evaluations, so that nothing is timed.
 */
import { method, type Method } from '../../src/method/method.js';
import { tableaus } from '../../src/method/tableau.js';
import { openFused } from '../backends.js';
import { membersOf, problemOf, solved } from '../flow.js';
import { relativeError, updateOf } from '../numbers.js';
import { atLeast, type Workload } from '../workload.js';

const SIZE = { n: 384, m: 384, rank: 16 };
const HORIZON = 2000;
const RTOL = 1e-4;
const reference: Method = { kind: 'adaptive', tableau: tableaus.dopri5, rtol: 1e-10, atol: 1e-12 };

export const stabilized: Workload = {
  id: 'stabilized',
  claim: `evaluations of dopri5 over those of rkc2, T = ${HORIZON}`,
  async run() {
    await openFused('wasm');
    const problem = problemOf(SIZE);
    const stop = { saveTimes: [HORIZON], steadyTolerance: null, maxSteps: 1_000_000 };
    const end = async (how: Method) => {
      const options = { method: how, stop, chunk: 1, kernel: 'fused', precision: 'float64' } as const;
      const [trajectory] = await solved(problem, membersOf(SIZE, 1), options);
      const { factors, evaluations, outcome } = trajectory!;
      if (outcome !== 'end-time') throw new Error(`it ended otherwise: ${outcome}`);
      return { update: updateOf(factors), evaluations };
    };
    const exact = await end(reference);
    const [dopri5, rkc2] = [
      await end(method('dopri5', { rtol: RTOL })),
      await end(method('rkc2', { rtol: RTOL })),
    ];
    const errorOf = ({ update }: typeof exact) => relativeError([update], [exact.update]);
    const [errorDopri5, errorRkc2] = [errorOf(dopri5), errorOf(rkc2)];
    return [
      {
        id: this.id,
        value: dopri5.evaluations / rkc2.evaluations,
        unit: 'x',
        bar: atLeast(8),
        valid: errorRkc2 <= errorDopri5,
        note:
          `n = m = ${SIZE.n}, r = ${SIZE.rank}, rtol ${RTOL}; evaluations: dopri5 ${dopri5.evaluations}, ` +
          `rkc2 ${rkc2.evaluations}; relative error of X Y^T: dopri5 ${errorDopri5.toExponential(2)}, ` +
          `rkc2 ${errorRkc2.toExponential(2)} (it has to be no larger)`,
      },
    ];
  },
};

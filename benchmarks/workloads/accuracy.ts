/**
 * Fused kernels against the float64 twin: every method and structure, at random shapes that no vector or workgroup
 * divides, ranks and clocks; n = 1, r = 1 and one trajectory; and tens of thousands of tiny ones. The value is the
 * largest error over its budget.
 */
import type { HostStructure } from '../../src/problem/structure.js';
import type { Precision } from '../../src/numbers/precision.js';
import { isAdaptive, method, flowMethodNames, type MethodName } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import { trajectoryBudget } from '../../src/verify/means/precision.js';
import { openFused } from '../backends.js';
import { Draws, errorOf, type Case } from '../cases.js';
import { atMost, type Workload } from '../workload.js';

/** Largest rate times time, and fixed steps to there. */
const HORIZON = 2;
const STEPS = 32;
/** With larger errors per step, the last digit of a step size would show. */
const RTOLS: Record<Precision, number> = { float32: 1e-6, float64: 1e-7 };

/**
 * Largest relative error of an end. In float32 that of trajectories everywhere (src/verify/means/precision.ts), an
 * evaluation being a stage; and adaptive steps that rounding made otherwise differ by the errors that the tolerance
 * allows.
 */
const budgets: Record<Precision, (name: MethodName, evaluations: number) => number> = {
  float32: (name, evaluations) =>
    trajectoryBudget({ precision: 'float32' }, evaluations, HORIZON).to +
    (isAdaptive(name) ? 10 * RTOLS.float32 : 0),
  float64: () => 1e-12,
};

const formulas: Record<Precision, string> = {
  float32:
    `budget (evaluations + 2 e^${HORIZON}) 2^-24, and 10 rtol more for adaptive methods (rtol ` +
    `${RTOLS.float32})`,
  float64: `budget 1e-12 (adaptive methods at rtol ${RTOLS.float64})`,
};

const methodOf = (name: MethodName, precision: Precision, end: number): Method =>
  isAdaptive(name) ? method(name, { rtol: RTOLS[precision] }) : method(name, { step: end / STEPS });

const MANY = 70_000;

/** So many shapes: one of every kind, then the other edges, then random ones. */
function shapes(draws: Draws, count: number): Omit<Case, 'structure' | 'end'>[] {
  const chosen = [
    { n: 1, m: 7, rank: 1, trajectories: 1 },
    { n: 71, m: 47, rank: 19, trajectories: 3 },
    { n: 151, m: 97, rank: 33, trajectories: 1 },
    { n: 9, m: 1, rank: 1, trajectories: 3 },
    { n: 17, m: 23, rank: 8, trajectories: 1 },
  ];
  const random = Array.from({ length: Math.max(0, count - chosen.length) }, () => ({
    n: draws.odd(2, 70),
    m: draws.odd(2, 70),
    rank: draws.integer(1, 19),
    trajectories: draws.integer(2, 5),
  }));
  return [...chosen, ...random].slice(0, count);
}

/** @param count shapes of every structure, each of which a GPU's driver compiles every method for */
export const accuracy = (backend: 'wasm' | 'webgpu', precision: Precision, count: number): Workload => ({
  id: `accuracy-${backend}-${precision}`,
  claim: `largest error of fused ${backend} in ${precision} against the float64 twin, over its budget`,
  unit: '',
  bar: atMost(1),
  async run() {
    const device = await openFused(backend);
    const { kinds } = device.kernel;
    const draws = new Draws();
    let worst = { ratio: 0, error: 0, where: '' };
    let cases = 0;
    const check = async (at: Case, name: MethodName, every = 1) => {
      const { error, evaluations } = await errorOf(
        at,
        methodOf(name, precision, at.end),
        precision,
        every,
        device,
      );
      const ratio = Number.isNaN(error) ? Infinity : error / budgets[precision](name, evaluations);
      const where = `${name}, ${at.structure.kind} ${at.n} x ${at.m}, r = ${at.rank}, ${at.trajectories} trajectories`;
      if (ratio > worst.ratio) worst = { ratio, error, where };
      cases++;
    };
    for (const kind of ['diagonal', 'quadratic', 'trace'] as const satisfies HostStructure['kind'][]) {
      if (!kinds.includes(kind)) continue;
      for (const shape of shapes(draws, count)) {
        const at = draws.caseOf(kind, shape, HORIZON);
        for (const name of flowMethodNames) await check(at, name);
      }
    }
    const tiny = { n: 3, m: 2, rank: 1, trajectories: MANY };
    await check(draws.caseOf('diagonal', tiny, HORIZON), 'rk4', 101);
    await device.check();
    return [
      {
        value: worst.ratio,
        note: `${formulas[precision]}; ${cases} cases, worst ${worst.error.toExponential(1)}: ${worst.where}`,
      },
    ];
  },
});

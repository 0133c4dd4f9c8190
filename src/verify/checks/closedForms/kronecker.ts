/** The quadratic with curvature on both sides: full fine-tuning's path, and LoRA's end from Gaussian starts. */
import { sum, type Dense } from '../../../numbers/dense.js';
import { multiply } from '../../../numbers/products.js';
import { assembled } from '../../../problem/frame.js';
import { kroneckerLoss, kroneckerQuadratic } from '../../../problem/kronecker.js';
import type { KroneckerInput } from '../../../theory/kronecker.js';
import { Draws, plans, type Case } from '../../cases.js';
import { Worst, type Check, type CheckContext } from '../../check.js';
import { definitionOf } from '../../losses.js';
import { pathBudget } from '../../means/trajectories.js';
import { drawnFrame, gaussianStart, rootPowers, separated, shapeOf, started } from './problems.js';
import { compareEnd, compareFull, stationaryBudget } from './simulate.js';

/** A case with its E, S and H. */
interface KroneckerCase extends Case, KroneckerInput {
  /** Singular values of S^{1/2} E H^{1/2}. */
  readonly sigma: Float64Array;
}

/** Indices of draws beyond those of regressions, whose purpose they share. */
const BEYOND = 2 ** 8;

/** Problems whose S^{1/2} E H^{1/2} = U diag(sigma) V^T has separated singular values, from Gaussian A0 and B0 = 0. */
function kroneckerCases(context: CheckContext): KroneckerCase[] {
  const { perLoss, draws: count } = plans[context.size];
  return Array.from({ length: perLoss }, (_, index) => {
    const draws = new Draws(context.seed, 'regression', BEYOND + index);
    const [n, m] = shapeOf(context, draws, index, 5);
    const rank = draws.integer(1, 3);
    const [output, input] = [rootPowers(draws, n), rootPowers(draws, m)];
    const frame = drawnFrame(draws, n, m);
    const sigma = separated(draws, Math.min(n, m));
    const between = (left: Dense, right: Dense) => multiply(multiply(left, assembled(frame, sigma)), right);
    const e = between(output(-1), input(-1));
    const [s, h] = [output(2), input(2)];
    const base = draws.matrix(n, m);
    const coefficients = draws.coefficients();
    const start = gaussianStart([n, m], rank);
    return {
      name: `${kroneckerLoss.name} ${n} x ${m}, r = ${rank}`,
      definition: definitionOf(kroneckerLoss, sum(base, e), s, h),
      base,
      problem: kroneckerQuadratic(e, s, h),
      rank,
      coefficients,
      adapters: Array.from({ length: count }, () => started(start, draws, frame, coefficients)),
      ...{ e, s, h, sigma },
    };
  });
}

const full: Check = {
  id: 'closed-forms/kronecker-full',
  claim:
    'with curvature on both sides full fine-tuning has U^T (M - W) V decaying entry by entry as e^{-s_i h_j t}',
  source: 'derived from the flow',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of kroneckerCases(context)) {
      const { fullUpdate, fullLoss } = context.subject.theory.kroneckerForms(at);
      const path = (t: number) => ({ update: fullUpdate(t).data, loss: fullLoss(t) });
      await compareFull(context, at, 3, path, worst);
    }
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

const end: Check = {
  id: 'closed-forms/kronecker-end',
  claim:
    'from B0 = 0 and Gaussian A0, S^{1/2} s B A H^{1/2} ends at the truncated decomposition of S^{1/2} E H^{1/2}, with loss 1/2 sum_{i>r} sigma_i^2',
  source: 'derived from the flow, and Eckart & Young 1936',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of kroneckerCases(context))
      await compareEnd(context, at, context.subject.theory.kroneckerForms(at).optimum(at.rank), worst);
    return { ...worst.result, allowed: stationaryBudget(context.backend) };
  },
};

export const kroneckerChecks: readonly Check[] = [full, end];

/** The Frobenius loss: full fine-tuning's path, and LoRA's end from Gaussian starts, against their closed forms. */
import { assembled } from '../../../problem/frame.js';
import { Worst, type Check } from '../../check.js';
import { genericCases } from './problems.js';
import { compareEnd, compareFull, stationaryBudget } from './simulate.js';
import { pathBudget } from '../../means/trajectories.js';

const full: Check = {
  id: 'closed-forms/frobenius-full',
  claim: 'full fine-tuning of the Frobenius loss has W = M + e^{-t} (W0 - M)',
  source: 'Rushka & Klabjan 2026',
  on: 'backend',
  async measure(context) {
    const { theory } = context.subject;
    const worst = new Worst();
    for (const at of genericCases(context)) {
      const path = (t: number) => ({
        update: assembled(at.frame, theory.frobeniusFullUpdate(at.sigma, t)).data,
        loss: theory.frobeniusFullLoss(at.sigma, t),
      });
      await compareFull(context, at, 3, path, worst);
    }
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

const end: Check = {
  id: 'closed-forms/frobenius-end',
  claim:
    'from B0 = 0 and Gaussian A0, s B A ends at the truncated decomposition of M - W0, with loss 1/2 sum_{i>r} sigma_i^2',
  source: 'Eckart & Young 1936; Rushka & Klabjan 2026',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of genericCases(context)) {
      const best = context.subject.theory.eckartYoungMirsky(at.sigma, at.rank);
      const update = assembled(at.frame, at.sigma.slice(0, at.rank));
      await compareEnd(context, at, { ...best, update }, worst);
    }
    return { ...worst.result, allowed: stationaryBudget(context.backend) };
  },
};

export const frobeniusChecks: readonly Check[] = [full, end];

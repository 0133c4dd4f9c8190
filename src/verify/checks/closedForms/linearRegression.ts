/**
 * Linear regression: full fine-tuning's path, LoRA's end from Gaussian starts, and H = I, which is the Frobenius loss.
 */
import { identity } from '../../../numbers/dense.js';
import { assembled } from '../../../problem/frame.js';
import { frobenius } from '../../../problem/frobenius.js';
import { linearRegression } from '../../../problem/linearRegression.js';
import { atMost, Worst, type Check } from '../../check.js';
import { relativeError } from '../../means/precision.js';
import { genericCases, regressionCases } from './problems.js';
import { compareEnd, compareFull, stationaryBudget, pathTimes, simulateAdapters } from './simulate.js';
import { pathBudget } from '../../means/trajectories.js';

const full: Check = {
  id: 'closed-forms/regression-full',
  claim:
    'full fine-tuning of linear regression has W - W0 = E (I - e^{-Ht}) and loss 1/2 tr(E H e^{-2Ht} E^T)',
  source: 'derived from the flow',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of regressionCases(context)) {
      const closed = context.subject.theory.regressionFullPath(at);
      const path = (t: number) => ({ update: closed.update(t).data, loss: closed.loss(t) });
      await compareFull(context, at, 3, path, worst);
    }
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

const end: Check = {
  id: 'closed-forms/regression-end',
  claim:
    'from B0 = 0 and Gaussian A0, s B A H^{1/2} ends at the truncated decomposition of E H^{1/2}, with loss 1/2 sum_{i>r} sigma_i^2',
  source: 'derived from the flow, and Eckart & Young 1936',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of regressionCases(context))
      await compareEnd(context, at, context.subject.theory.regressionOptima(at).optimum(at.rank), worst);
    return { ...worst.result, allowed: stationaryBudget(context.backend) };
  },
};

const optima: Check = {
  id: 'closed-forms/regression-identity',
  claim: 'with H = I the optima and full fine-tuning of linear regression are those of the Frobenius loss',
  source: 'the definition of both losses',
  on: 'host',
  async measure(context) {
    const { theory } = context.subject;
    const worst = new Worst();
    for (const { name, problem, frame, sigma } of genericCases(context)) {
      const input = { e: assembled(frame, sigma), h: identity(problem.m) };
      const { optimum } = theory.regressionOptima(input);
      for (let rank = 1; rank < sigma.length; rank++) {
        const [actual, expected] = [optimum(rank), theory.eckartYoungMirsky(sigma, rank)];
        const best = assembled(frame, sigma.slice(0, rank)).data;
        worst.add(Math.abs(actual.loss / expected.loss - 1), `${name}: optimum of rank ${rank}`);
        worst.add(Math.abs(actual.relativeError / expected.relativeError - 1), `${name}: relative error`);
        worst.add(relativeError([actual.update.data], [best]), `${name}: update of rank ${rank}`);
      }
      const path = theory.regressionFullPath(input);
      for (const t of [0.3, 1, 3]) {
        const expected = assembled(frame, theory.frobeniusFullUpdate(sigma, t)).data;
        worst.add(relativeError([path.update(t).data], [expected]), `${name}: full fine-tuning`);
        worst.add(Math.abs(path.loss(t) / theory.frobeniusFullLoss(sigma, t) - 1), `${name}: its loss`);
      }
    }
    return {
      ...worst.result,
      allowed: atMost(1e-10, 'float64 rounding of decompositions, where sigma is small'),
    };
  },
};

const flow: Check = {
  id: 'closed-forms/regression-identity-path',
  claim: 'with H = I linear regression moves as the Frobenius loss does',
  source: 'the definition of both losses',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of genericCases(context)) {
      const error = assembled(at.frame, at.sigma);
      const times = pathTimes(at);
      const [one, other] = [
        await simulateAdapters(context, { ...at, problem: frobenius(error) }, times),
        await simulateAdapters(
          context,
          { ...at, problem: linearRegression(error, identity(at.problem.m)) },
          times,
        ),
      ];
      one.forEach((adapters, i) =>
        adapters.forEach((snapshot, k) =>
          worst.add(relativeError([other[i]![k]!.update()], [snapshot.update()]), at.name),
        ),
      );
    }
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

export const regressionChecks: readonly Check[] = [full, end, optima, flow];

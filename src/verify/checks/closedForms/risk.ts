/** The risk under noise, which training does not see, along paths that are known in closed form. */
import { dense, difference, inner, type Dense } from '../../../numbers/dense.js';
import { assembled } from '../../../problem/frame.js';
import { riskOf } from '../../../problem/risk.js';
import { Draws } from '../../cases.js';
import { Worst, type Check, type CheckContext } from '../../check.js';
import { pathBudget } from '../../means/trajectories.js';
import { balancedCases, outOfFrame, pathFrom } from './balanced.js';
import type { SpectralCase } from './problems.js';
import { pathTimes, simulateAdapters } from './simulate.js';

/** A case whose target is the clean C [n, m] with noise. */
interface NoisyCase extends SpectralCase {
  readonly clean: Dense;
}

/** Balanced starts towards a target, of which a part as large as its smaller singular values is noise. */
const noisyCases = (context: CheckContext): NoisyCase[] =>
  balancedCases(context, null).map((at, index) => {
    const draws = new Draws(context.seed, 'noise', index);
    const { n, m, frame } = at.problem;
    const noisy = assembled(at.frame, at.sigma);
    const clean = difference(noisy, draws.gaussian(n, m, 0.4 / Math.sqrt(m)));
    return { ...at, clean, problem: { ...at.problem, risk: riskOf(clean, null, frame) } };
  });

const squaredDistance = (update: Float64Array, clean: Dense): number => {
  const left = difference(dense(clean.rows, clean.cols, update), clean);
  return inner(left, left);
};

const balancedRisk: Check = {
  id: 'closed-forms/balanced-risk',
  claim:
    'the risk |W - M|^2 of trajectories towards M with noise, from balanced starts, is that of the closed-form path towards the same draw',
  source: 'derived from the flow (cf. Braun et al. 2022)',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of noisyCases(context)) {
      const times = pathTimes(at);
      const paths = at.adapters.map((adapter) => pathFrom(context, at, adapter));
      const snapshots = await simulateAdapters(context, at, times);
      snapshots.forEach((adapters, i) =>
        adapters.forEach(({ risk }, k) => {
          const expected = squaredDistance(outOfFrame(at, paths[k]!.update(times[i]!)), at.clean);
          worst.add(Math.abs(risk - expected) / at.problem.risk!.scale, at.name);
        }),
      );
    }
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

export const riskChecks: readonly Check[] = [balancedRisk];

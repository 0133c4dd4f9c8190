/** Every check of the closed forms on wasm: it holds, and it sees what could be wrong in a formula or the simulator. */
import { beforeAll } from 'vitest';
import { fullFineTuningSystem } from '../../kernels/tensorOps/fullFineTuningSystem.js';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { fromFactors, toFactors } from '../../src/ensemble/adapter.js';
import type { Coefficients } from '../../src/flow/coefficients.js';
import { errorOf } from '../../src/problem/frobenius.js';
import { riskOf } from '../../src/problem/risk.js';
import { solve } from '../../src/solver/solve.js';
import type { CheckContext } from '../../src/verify/check.js';
import { closedFormChecks } from '../../src/verify/checks/closedForms.js';
import { verificationSubject, type VerificationSubject } from '../../src/verify/subject.js';
import { altered, contextOn, holdAndCatch, noisyEnd, type Fault } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
});

const real = verificationSubject.theory;
type Theory = VerificationSubject['theory'];
const theory = (fault: Partial<Theory>): Partial<VerificationSubject> => ({ theory: { ...real, ...fault } });

const times = (factor: number, a: Dense): Dense =>
  dense(
    a.rows,
    a.cols,
    a.data.map((value) => factor * value),
  );

const forgetting = (forgotten: Partial<Coefficients>): Partial<VerificationSubject> => ({
  toFactors: (adapter, k) => toFactors(adapter, { ...k, ...forgotten }),
});
const noScale = forgetting({ scale: 1 });
const noRatioA = forgetting({ lrRatioA: 1 });
const noRatioB = forgetting({ lrRatioB: 1 });

/** The solver with what it observes at the end altered. */
const observing = (alter: (distance: number) => number): Partial<VerificationSubject> => ({
  solve: (ensemble, options) =>
    altered(solve(ensemble, options), (trajectory) => {
      const last = { ...trajectory.last, distance: alter(trajectory.last.distance!) };
      return { ...trajectory, last };
    }),
});

/** The solver with the covariance of a regression altered. */
const weighing = (factor: number): Partial<VerificationSubject> => ({
  solve({ problem, members }, options) {
    const { structure } = problem;
    if (structure.kind !== 'quadratic' || !structure.covariance) return solve({ problem, members }, options);
    const covariance = times(factor, structure.covariance);
    return solve({ problem: { ...problem, structure: { ...structure, covariance } }, members }, options);
  },
});

/** Full fine-tuning of twice the loss. */
const twiceTheLoss: Partial<VerificationSubject> = {
  fullFineTuningSystem: (loss) => fullFineTuningSystem((w) => loss(w).mul(2)),
};

/** By check: what is wrong, and the subject with that wrong. */
const faults: Record<string, Record<string, Fault>> = {
  'riccati-path': {
    'c for 2c': theory({ riccati: (input) => real.riccati({ ...input, c: input.c! / 2 }) }),
    'a wrong sign of q': theory({ riccati: (input) => real.riccati({ ...input, q: -input.q }) }),
    'beta and gamma swapped': theory({
      riccati: ({ beta, gamma, ...rest }) => real.riccati({ ...rest, beta: gamma, gamma: beta }),
    }),
    'a residual that forgets gamma': theory({
      riccati: (input) => {
        const closed = real.riccati(input);
        return { ...closed, residual: (t) => closed.residual(t) + input.gamma * closed.at(t) };
      },
    }),
  },
  'riccati-limit': {
    'gamma for 2 gamma': theory({
      riccati: (input) => ({ ...real.riccati(input), limit: 2 * real.riccati(input).limit }),
    }),
  },
  'riccati-rate': {
    'cD for 2cD': theory({
      riccati: (input) => ({ ...real.riccati(input), rate: real.riccati(input).rate / 2 }),
    }),
    'q for D': theory({
      riccati: (input) => ({ ...real.riccati(input), rate: 2 * input.c! * Math.abs(input.q) }),
    }),
  },
  'trace-squared-path': {
    'a dropped s': noScale,
    'a dropped kA': noRatioA,
    'a dropped kB': noRatioB,
    'a wrong sign of tr W0': theory({
      traceSquaredPath: (input) => real.traceSquaredPath({ ...input, trace0: -input.trace0 }),
    }),
    'X and Y swapped': theory({
      traceSquaredPath: (input) => {
        const { factors, ...rest } = real.traceSquaredPath(input);
        return { ...rest, factors: (t) => ({ x: factors(t).y, y: factors(t).x }) };
      },
    }),
  },
  'trace-squared-full': {
    'a dropped n': theory({ traceSquaredFullTrace: (trace0, _, t) => trace0 * Math.exp(-t) }),
    'a step of twice the gradient': twiceTheLoss,
  },
  'trace-squared-end': {
    'a wrong sign': theory({
      traceSquaredFinalUpdate: (trace0, a0) => real.traceSquaredFinalUpdate(-trace0, a0),
    }),
    'the loss for its root': theory({
      traceSquaredFinalUpdate: (trace0, a0) => times(0.5, real.traceSquaredFinalUpdate(trace0, a0)),
    }),
  },
  'trace-squared-rate': {
    'tr W0 for D': theory({
      traceSquaredPath: (input) => ({
        ...real.traceSquaredPath(input),
        rate: 2 * input.c! * Math.abs(input.trace0),
      }),
    }),
  },
  'trace-squared-spectral-law': {
    'r + 1 for r': theory({
      spectralGap: (trace0, n, rank) => Math.abs(trace0) * Math.sqrt(Math.max(0, 1 / (rank + 1) - 1 / n)),
    }),
    'a dropped 1/n': theory({ spectralGap: (trace0, _, rank) => Math.abs(trace0) / Math.sqrt(rank) }),
    'another distance observed': observing((distance) => 1.001 * distance),
  },
  'trace-squared-gaussian-law': {
    'r + 1 for r': theory({
      gaussianGapSquared: (trace0, n, rank) => real.gaussianGapSquared(trace0, n, rank + 1),
    }),
    'n + r for n + r + 1': theory({
      gaussianGapSquared: (trace0, n, rank) => trace0 ** 2 * ((n + rank) / (n * rank + 2) - 1 / n),
    }),
    'the spectral law': theory({
      gaussianGapSquared: (trace0, n, rank) => real.spectralGap(trace0, n, rank) ** 2,
    }),
  },
  'trace-squared-rank-law': {
    'a distance that forgets the root': observing((distance) => distance ** 2),
    'a distance that falls slightly slower': observing((distance) => distance ** 0.98),
  },
  'frobenius-full': {
    '2t for t': theory({ frobeniusFullUpdate: (sigma, t) => real.frobeniusFullUpdate(sigma, 2 * t) }),
    't for 2t in the loss': theory({
      frobeniusFullLoss: (sigma, t) => real.frobeniusFullLoss(sigma, t / 2),
    }),
    'a step of twice the gradient': twiceTheLoss,
  },
  'frobenius-end': {
    'r + 1 for r': theory({ eckartYoungMirsky: (sigma, rank) => real.eckartYoungMirsky(sigma, rank + 1) }),
    'a dropped 1/2': theory({
      eckartYoungMirsky: (sigma, rank) => {
        const best = real.eckartYoungMirsky(sigma, rank);
        return { ...best, loss: 2 * best.loss };
      },
    }),
    'a relative error without its root': theory({
      eckartYoungMirsky: (sigma, rank) => {
        const best = real.eckartYoungMirsky(sigma, rank);
        return { ...best, relativeError: best.relativeError ** 2 };
      },
    }),
  },
  'aligned-path': {
    'a dropped s': noScale,
    'a dropped kA': noRatioA,
    'a wrong sign of X0': theory({
      alignedPath: (input) => real.alignedPath({ ...input, x0: Array.from(input.x0, (value) => -value) }),
    }),
    'c for 2c': theory({ alignedPath: (input) => real.alignedPath({ ...input, c: input.c! / 2 }) }),
  },
  'aligned-end': {
    'one mode too few': theory({
      alignedPath: (input) => {
        const closed = real.alignedPath(input);
        const last = closed.support.at(-1)!;
        return { ...closed, product: (t) => closed.product(t).map((value, i) => (i === last ? 0 : value)) };
      },
    }),
    'a loss without its 1/2': theory({
      alignedPath: (input) => {
        const closed = real.alignedPath(input);
        return { ...closed, loss: (t) => 2 * closed.loss(t) };
      },
    }),
  },
  'aligned-rate': {
    'sigma for D': theory({
      alignedPath: (input) => ({
        ...real.alignedPath(input),
        rates: Float64Array.from(input.sigma, (s) => 2 * input.c! * s),
      }),
    }),
  },
  'aligned-saddles': {
    'no saddle anywhere': theory({ isSaddle: () => false }),
    'an idle column that is overlooked': theory({
      isSaddle: (sigma, support, rank) => support.length === rank && real.isSaddle(sigma, support, rank),
    }),
  },
  'balanced-path': {
    'a dropped kA': noRatioA,
    'a dropped kB': noRatioB,
    'a dropped c': theory({
      balancedPath: (input, tolerance) => {
        const closed = real.balancedPath(input, tolerance);
        return { ...closed, update: (t) => times(1 / input.c!, closed.update(t)) };
      },
    }),
    'a loss of another c': theory({
      balancedPath: (input, tolerance) => {
        const closed = real.balancedPath(input, tolerance);
        return { ...closed, loss: (t) => closed.loss(t) / input.c! };
      },
    }),
  },
  'balanced-end': {
    'an update that forgets s': {
      fromFactors: (factors, k) => {
        const adapter = fromFactors(factors, k);
        return { ...adapter, loraB: times(1 / k.scale, adapter.loraB) };
      },
    },
    'a closed form of another c': theory({
      balancedPath: (input, tolerance) => {
        const closed = real.balancedPath(input, tolerance);
        return { ...closed, update: (t) => times(input.c!, closed.update(t)) };
      },
    }),
  },
  'balanced-rate': {
    'the rate of the loss': theory({
      balancedPath: (input, tolerance) => {
        const closed = real.balancedPath(input, tolerance);
        return { ...closed, rate: 2 * closed.rate };
      },
    }),
    'a gap that forgets lambda': theory({
      balancedPath: (input, tolerance) => {
        const { sigma, c, x0 } = input;
        const rate = c! * (sigma[x0.cols - 1]! - sigma[x0.cols]!);
        return { ...real.balancedPath(input, tolerance), rate };
      },
    }),
  },
  'balanced-risk': {
    'a risk against the target with its noise': {
      solve({ problem, members }, options) {
        const { risk, ...rest } = problem;
        const noisy = risk && { risk: riskOf(errorOf(problem), null, problem.frame) };
        return solve({ problem: { ...rest, ...noisy }, members }, options);
      },
    },
    'a dropped s': noScale,
    'a path of half the rate': theory({
      balancedPath(input) {
        const closed = real.balancedPath(input);
        return { ...closed, update: (t) => closed.update(t / 2) };
      },
    }),
  },
  'regression-full': {
    'a forgotten H': theory({
      regressionFullPath: ({ e, h }) => real.regressionFullPath({ e, h: identityLike(h) }),
    }),
    'a step of twice the gradient': twiceTheLoss,
  },
  'regression-end': {
    'the optimum of the Frobenius loss': theory({
      regressionOptima: ({ e, h }) => real.regressionOptima({ e, h: identityLike(h) }),
    }),
    'r + 1 for r': theory({
      regressionOptima: (input) => {
        const { sigma, optimum } = real.regressionOptima(input);
        return { sigma, optimum: (rank) => optimum(rank + 1) };
      },
    }),
  },
  'regression-identity': {
    'a forgotten root of H': theory({
      regressionOptima: ({ e, h }) => real.regressionOptima({ e, h: times(2, h) }),
    }),
    'a dropped 1/2': theory({
      regressionFullPath: (input) => {
        const closed = real.regressionFullPath(input);
        return { ...closed, loss: (t) => 2 * closed.loss(t) };
      },
    }),
  },
  'regression-identity-path': { 'a flow of 1.01 H': weighing(1.01) },
  'kronecker-full': {
    'a step of twice the gradient': twiceTheLoss,
    'a forgotten S': theory({
      kroneckerForms: (input) => real.kroneckerForms({ ...input, s: identityLike(input.s) }),
    }),
    'times that are 1 % off': theory({
      kroneckerForms: (input) => {
        const forms = real.kroneckerForms(input);
        return { ...forms, fullUpdate: (t) => forms.fullUpdate(t * 1.01) };
      },
    }),
  },
  'kronecker-end': {
    'noise on the factors': { solve: noisyEnd },
    'the optimum of linear regression': theory({
      kroneckerForms: (input) => real.kroneckerForms({ ...input, s: identityLike(input.s) }),
    }),
    'r + 1 for r': theory({
      kroneckerForms: (input) => {
        const forms = real.kroneckerForms(input);
        return { ...forms, optimum: (rank) => forms.optimum(rank + 1) };
      },
    }),
  },
};

function identityLike({ rows }: Dense): Dense {
  const out = dense(rows, rows);
  for (let i = 0; i < rows; i++) out.data[i * rows + i] = 1;
  return out;
}

holdAndCatch(
  closedFormChecks,
  () => context,
  Object.fromEntries(Object.entries(faults).map(([id, wrong]) => [`closed-forms/${id}`, wrong])),
);

/**
 * Checks of the fused kernel hold on wasm, and catch kernels whose ends, steps or outcomes are not those of the
 * float64 twin.
 */
import { beforeAll } from 'vitest';
import { toFactors } from '../../src/ensemble/adapter.js';
import { solve } from '../../src/solver/solve.js';
import type { CheckContext } from '../../src/verify/check.js';
import { kernelChecks } from '../../src/verify/checks/kernels.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { altered, contextOn, holdAndCatch, noisyEnd } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
});

/** A simulation that forgets kA. */
const withoutRatioA: VerificationSubject['toFactors'] = (adapter, k) =>
  toFactors(adapter, { ...k, lrRatioA: 1 });

/** A kernel that runs in float32 where float64 is promised. */
const inFloat32: VerificationSubject['solve'] = (ensemble, options) =>
  solve(ensemble, { ...options, precision: 'float32' });

/** A kernel that never finds a trajectory stationary. */
const restless: VerificationSubject['solve'] = (ensemble, options) =>
  solve(ensemble, { ...options, stop: { ...options.stop, steadyTolerance: null } });

/** A kernel that counts rejected steps as accepted. */
const miscounting: VerificationSubject['solve'] = (ensemble, options) =>
  altered(solve(ensemble, options), (trajectory) => {
    const { acceptedSteps, rejectedSteps } = trajectory;
    return { ...trajectory, acceptedSteps: acceptedSteps + rejectedSteps };
  });

holdAndCatch(kernelChecks, () => context, {
  'kernels/trajectories': {
    'a dropped kA': { toFactors: withoutRatioA },
    'an end that is off': { solve: noisyEnd },
  },
  'kernels/adaptive': { 'an end that is off': { solve: noisyEnd } },
  'kernels/float64': { 'a float32 kernel where float64 is promised': { solve: inFloat32 } },
  'kernels/decisions': {
    'a stop rule that is ignored': { solve: restless },
    'miscounted steps': { solve: miscounting },
  },
});

/**
 * Checks of the fused kernel hold on wasm, and catch kernels whose ends, steps or outcomes are not those of the
 * float64 twin.
 */
import { beforeAll } from 'vitest';
import { toFactors } from '../../src/ensemble/adapter.js';
import type { Member } from '../../src/ensemble/member.js';
import { gradientFlow } from '../../src/flow/flow.js';
import { solve } from '../../src/solver/solve.js';
import { firstOfEach } from '../../src/verify/cases.js';
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

/** Kernels that leave out decay, freeze the other factor, or let a frozen one move, as members with other flows have it. */
const moving =
  (alter: (member: Member) => Partial<Member>): VerificationSubject['solve'] =>
  ({ problem, members }, options) =>
    solve({ problem, members: members.map((member) => ({ ...member, ...alter(member) })) }, options);

const wrongMotions = {
  'a decay left out': { solve: moving(() => ({ flow: gradientFlow })) },
  'the other factor frozen': {
    solve: moving(({ coefficients: { lrRatioA, lrRatioB, ...rest } }) =>
      lrRatioA * lrRatioB > 0 ? {} : { coefficients: { ...rest, lrRatioA: lrRatioB, lrRatioB: lrRatioA } },
    ),
  },
};

/** One case of each kind is enough to see what is wrong. */
const fewer = (): CheckContext => ({ ...context, cases: firstOfEach(context.cases) });

holdAndCatch(
  kernelChecks,
  () => context,
  {
    'kernels/trajectories': {
      'a dropped kA': { toFactors: withoutRatioA },
      'an end that is off': { solve: noisyEnd },
      ...wrongMotions,
    },
    'kernels/adaptive': { 'an end that is off': { solve: noisyEnd }, ...wrongMotions },
    'kernels/float64': {
      'a float32 kernel where float64 is promised': { solve: inFloat32 },
      ...wrongMotions,
    },
    'kernels/decisions': {
      'a stop rule that is ignored': { solve: restless },
      'miscounted steps': { solve: miscounting },
      ...wrongMotions,
    },
  },
  fewer,
);

/** Every check of the other flows on wasm: it holds, and it sees what could be wrong in a rule, a formula or a unit. */
import { beforeAll } from 'vitest';
import { motionOf } from '../../src/flow/motion.js';
import type { Motion } from '../../src/flow/motion.js';
import type { CheckContext } from '../../src/verify/check.js';
import { otherFlowChecks } from '../../src/verify/checks/flows.js';
import { verificationSubject, type VerificationSubject } from '../../src/verify/subject.js';
import { memberAt } from '../../src/ensemble/member.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { solve } from '../../src/solver/solve.js';
import { contextOn, holdAndCatch, noisyEnd, type Fault } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
});

const real = verificationSubject.theory;
type Theory = VerificationSubject['theory'];
const theory = (fault: Partial<Theory>): Partial<VerificationSubject> => ({ theory: { ...real, ...fault } });

/** Motions altered where fields of both sides take them from, and not where trajectories are solved. */
const moving = (alter: (motion: Motion) => Partial<Motion>): Partial<VerificationSubject> => ({
  motionOf(k, flow) {
    const motion = motionOf(k, flow);
    return { ...motion, ...alter(motion) };
  },
});

const noDecay = moving(() => ({ decay: [0, 0] }));
const noCoupling = moving(() => ({ coupled: [0, 0] }));
const halfDamping = moving(({ damping }) => ({ damping: damping / 2 }));
const swapped = moving(({ rates }) => ({ rates: [rates[1], rates[0]] }));

/** The solver with the flow of every member altered. */
const solving = (
  alter: (flow: ReturnType<typeof memberAt>['flow']) => object,
): Partial<VerificationSubject> => ({
  solve: ({ problem, members }, options) =>
    solve(
      {
        problem,
        members: members.map((member) => ({ ...member, flow: { ...member.flow, ...alter(member.flow) } })),
      },
      options,
    ),
});

/** The solver with another flow, where the problem is in no frame that it would not commute with. */
const inOwnCoordinates = (other: object): Partial<VerificationSubject> => ({
  solve: (ensemble, options) =>
    (ensemble.problem.frame
      ? verificationSubject
      : { ...verificationSubject, ...solving(() => other) }
    ).solve(ensemble, options),
});

const noise: Partial<VerificationSubject> = { solve: noisyEnd };

/** By check: what is wrong, and the subject with that wrong. */
const faults: Record<string, Record<string, Fault>> = {
  'flows/autodiff': {
    'no decoupled decay': noDecay,
    'no coupled decay': noCoupling,
    'half of the damping': halfDamping,
    'kA and kB swapped': swapped,
    'plain descent for a rule': {
      loraSystem: (structure, shape, motion) =>
        loraSystem(structure, shape, { ...motion!, rule: 'gradient' }),
    },
  },
  'flows/float64': {
    'no decoupled decay': noDecay,
    'no coupled decay': noCoupling,
    'half of the damping': halfDamping,
    'scaled for projected': moving(({ rule }) => (rule === 'projected' ? { rule: 'scaled' } : {})),
  },
  'flows/paths': {
    'a frozen path twice as fast': theory({
      frozenPath: (input) => {
        const path = real.frozenPath(input);
        return { ...path, moving: (tau) => path.moving(2 * tau) };
      },
    }),
    'mu for mu / c': theory({
      decayPath: (input) => real.decayPath({ ...input, decay: input.decay * input.c! }),
    }),
    'a scaled flow at the speed of one factor': theory({
      preconditionedPath: (input) => real.preconditionedPath({ ...input, speed: input.speed / 2 }),
    }),
    'a spectral flow without kB': theory({
      spectralFlowPath: (input) =>
        real.spectralFlowPath({ ...input, speeds: [input.speeds[1], input.speeds[1]] }),
    }),
    'decay left out of the simulation': solving(() => ({ decay: 0, coupledDecay: 0 })),
    noise,
  },
  'flows/twin-paths': {
    'no decay': noDecay,
    'kA and kB swapped': swapped,
    'scaled for projected': moving(({ rule }) => (rule === 'projected' ? { rule: 'scaled' } : {})),
    'a frozen path a millionth too fast': theory({
      frozenPath: (input) => {
        const path = real.frozenPath(input);
        return { ...path, moving: (tau) => path.moving((1 + 1e-6) * tau) };
      },
    }),
  },
  'flows/soft-threshold': {
    'a hard threshold': theory({
      softThreshold(sigma, rank, threshold) {
        const { singularValues, loss } = real.softThreshold(sigma, rank, threshold);
        return { singularValues: singularValues.map((value, i) => (value > 0 ? sigma[i]! : 0)), loss };
      },
    }),
    'no threshold': theory({ softThreshold: (sigma, rank) => real.softThreshold(sigma, rank, 0) }),
    'decay taken for coupled': solving(({ decay }) => ({ decay: 0, coupledDecay: decay })),
  },
  'flows/random-subspace': {
    'r / m for 1 - r / m': theory({ randomSubspaceError: (rank, side) => rank / side }),
    'one column fewer': theory({
      randomSubspaceError: (rank, side) => real.randomSubspaceError(rank - 1, side),
    }),
  },
  'flows/rates': {
    'the square of the ratio': theory({
      preconditionedRate: (input) =>
        real.preconditionedRate({ ...input, sigma: Array.from(input.sigma, (s) => s * s) }),
    }),
    'kB for both': theory({
      preconditionedRate: (input) =>
        real.preconditionedRate({ ...input, speeds: [input.speeds[0], input.speeds[0]] }),
    }),
  },
  'flows/decayed-imbalance': {
    'half of the decay': theory({ imbalanceLeft: (decay, t) => real.imbalanceLeft(decay / 2, t) }),
    'no decay': solving(() => ({ decay: 0 })),
    'decay taken for coupled': solving(({ decay }) => ({ decay: 0, coupledDecay: decay })),
    noise,
  },
  'flows/equivariance': {
    'the sign flow, which is not': inOwnCoordinates({ rule: 'sign', damping: 0.3 }),
    noise,
  },
  'flows/sign-symmetry': {
    'a flow that is equivariant': solving(() => ({ rule: 'spectral', damping: 0.3 })),
  },
  'flows/updates': {
    'updates of half the step': {
      gradientDescentStep: (field, order, states, h) =>
        verificationSubject.gradientDescentStep(
          field,
          order,
          states,
          h.map((step) => step * 0.9),
        ),
    },
  },
  'flows/gap': {
    'the orders swapped': {
      gradientDescentStep: (field, order, states, h) =>
        verificationSubject.gradientDescentStep(
          field,
          order === 'a-then-b' ? 'b-then-a' : order === 'b-then-a' ? 'a-then-b' : order,
          states,
          h,
        ),
    },
  },
  'flows/frozen-updates': { 'a frozen factor that moves': moving(() => ({ rates: [1, 1] })) },
};

holdAndCatch(otherFlowChecks, () => context, faults);

/**
 * Checks of RKC2 hold on the host, and catch wrong coefficients, wrong numbers of stages and a tolerance that is not
 * heeded.
 */
import { beforeAll } from 'vitest';
import { twin } from '../../kernels/cpu/twin.js';
import { chebyshevStages } from '../../src/method/schemes/chebyshev.js';
import type { CheckContext } from '../../src/verify/check.js';
import { stabilizedChecks } from '../../src/verify/checks/stabilized.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { contextOn, holdAndCatch } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('cpu');
});

/** The coefficients with the fifth digit of the first stage changed. */
const changed: VerificationSubject['chebyshevStages'] = (s) => {
  const { first, rest } = chebyshevStages(s);
  return { first: first * (1 + 1e-4), rest };
};

/** Coefficients that forget the slope at the start. */
const forgetful: VerificationSubject['chebyshevStages'] = (s) => {
  const { first, rest } = chebyshevStages(s);
  return { first, rest: rest.map((stage) => ({ ...stage, gammaTilde: 0 })) };
};

/** Coefficients of one stage fewer. */
const oneFewer: VerificationSubject['chebyshevStages'] = (s) => chebyshevStages(s - 1);

/** Trajectories at one tolerance, whatever is asked for. */
const oneTolerance: VerificationSubject['twin'] = (start, clock, method, stop) =>
  twin(start, clock, { ...method, control: { kind: 'error', rtol: 1e-5, atol: 0 } }, stop);

holdAndCatch(stabilizedChecks, () => context, {
  'stabilized/order': {
    'one digit of the first stage': { chebyshevStages: changed },
    'a forgotten slope': { chebyshevStages: forgetful },
  },
  'stabilized/interval': { 'a stage too few': { chebyshevStages: oneFewer } },
  'stabilized/tolerance': { 'a tolerance that is ignored': { twin: oneTolerance } },
});

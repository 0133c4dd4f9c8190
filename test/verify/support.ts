/** What the tests of verification share: a context on a backend, and findings of checks under a fault. */
import { describe, expect, test } from 'vitest';
import { useBackend } from '../../src/backend/useBackend.js';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { solve } from '../../src/solver/solve.js';
import { randomCases } from '../../src/verify/cases.js';
import type { Check, CheckContext, Finding } from '../../src/verify/check.js';
import { verificationSubject, type VerificationSubject } from '../../src/verify/subject.js';
import { judge } from '../../src/verify/verify.js';

export async function contextOn(name: 'cpu' | 'wasm' | 'webgpu', seed = 5): Promise<CheckContext> {
  const backend = await useBackend(name);
  return {
    seed,
    size: 'small',
    backend,
    subject: verificationSubject,
    cases: await randomCases(seed, 'small'),
  };
}

/** Parts of rankflow replaced by wrong ones, or the finding under what else is wrong. */
export type Fault =
  Partial<VerificationSubject> | ((check: Check, context: CheckContext) => Promise<Finding>);

export const under = (fault: Fault, check: Check, context: CheckContext): Promise<Finding> =>
  typeof fault === 'function'
    ? fault(check, context)
    : judge(check, { ...context, subject: { ...context.subject, ...fault } });

/** Every check holds, and each has faults that it catches: by check, and by what is wrong. */
export function holdAndCatch(
  checks: readonly Check[],
  context: () => CheckContext,
  faults: Readonly<Record<string, Readonly<Record<string, Fault>>>>,
  underFault = context,
): void {
  test.each(checks.map((check) => [check.id, check] as const))('%s holds', async (_, check) => {
    expect(await judge(check, context())).toMatchObject({ pass: true });
  });

  test('every check has a fault to catch', () => {
    expect(Object.keys(faults)).toEqual(checks.map(({ id }) => id));
  });

  describe.each(checks.map((check) => [check.id, check] as const))('%s catches', (id, check) => {
    test.each(Object.entries(faults[id]!))('%s', async (_, fault) => {
      const finding = await under(fault, check, underFault());
      // A number that is out of bounds, not an exception.
      expect(finding.measured).not.toBeNaN();
      expect(finding).toMatchObject({ pass: false });
    });
  });
}

let drawn = 0;
/** Entries moved by up to 0.01, never twice alike. */
const noisy = ({ rows, cols, data }: Dense): Dense =>
  dense(
    rows,
    cols,
    data.map((value) => value + 0.01 * Math.sin(++drawn)),
  );

/** The simulator with noise on the factors that it ends with. */
export const noisyEnd: VerificationSubject['solve'] = async function* (problem, members, options) {
  for await (const chunk of solve(problem, members, options))
    yield chunk.map(({ index, trajectory }) => {
      const { x, y } = trajectory.factors;
      return { index, trajectory: { ...trajectory, factors: { x: noisy(x), y: noisy(y) } } };
    });
};

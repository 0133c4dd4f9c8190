/** What the tests of verification share: a context on a backend, and findings of checks under a fault. */
import { describe, expect, test } from 'vitest';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { openDevice } from '../../src/solver/device.js';
import type { Solution, Solved } from '../../src/solver/solution.js';
import { solve } from '../../src/solver/solve.js';
import { randomCases } from '../../src/verify/cases.js';
import type { Check, CheckContext, Finding } from '../../src/verify/check.js';
import { verificationSubject, type VerificationSubject } from '../../src/verify/subject.js';
import { judge } from '../../src/verify/verify.js';

export async function contextOn(name: 'cpu' | 'wasm' | 'webgpu', seed = 5): Promise<CheckContext> {
  const device = await openDevice(name, { workers: 1 });
  return {
    seed,
    size: 'small',
    device,
    backend: device.info,
    subject: verificationSubject,
    cases: randomCases(seed, 'small'),
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

/** A solution whose trajectories are altered. */
export const altered = (solution: Solution, alter: (trajectory: Solved) => Solved): Solution => ({
  async *[Symbol.asyncIterator]() {
    for await (const trajectory of solution) yield alter(trajectory);
  },
  all: async () => (await solution.all()).map(alter),
  get provenance() {
    return solution.provenance;
  },
});

/** The simulator with noise on the factors that it ends with. */
export const noisyEnd: VerificationSubject['solve'] = (ensemble, options) =>
  altered(solve(ensemble, options), (trajectory) => {
    const { x, y } = trajectory.factors;
    return { ...trajectory, factors: { x: noisy(x), y: noisy(y) } };
  });

/** What the tests of verification share: a context on a backend, and findings of checks under a fault. */
import { useBackend } from '../../src/backend/useBackend.js';
import { dense, type Dense } from '../../src/dense.js';
import { solve } from '../../src/solver/solve.js';
import { randomCases } from '../../src/verify/cases.js';
import type { Check, Context, Finding } from '../../src/verify/check.js';
import { rankflow, type Subject } from '../../src/verify/subject.js';
import { judge } from '../../src/verify/verify.js';

export async function contextOn(name: 'cpu' | 'wasm' | 'webgpu', seed = 5): Promise<Context> {
  const backend = await useBackend(name);
  return { seed, size: 'small', backend, subject: rankflow, cases: await randomCases(seed, 'small') };
}

/** The finding of a check with some of rankflow replaced by a fault. */
export const under = (check: Check, context: Context, fault: Partial<Subject>): Promise<Finding> =>
  judge(check, { ...context, subject: { ...context.subject, ...fault } });

export function named(checks: readonly Check[], id: string): Check {
  const found = checks.find((check) => check.id === id);
  if (!found) throw new Error(`no check ${id}`);
  return found;
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
export const noisyEnd: Subject['solve'] = async function* (problem, members, options) {
  for await (const chunk of solve(problem, members, options))
    yield chunk.map(({ index, trajectory }) => {
      const { x, y } = trajectory.factors;
      return { index, trajectory: { ...trajectory, factors: { x: noisy(x), y: noisy(y) } } };
    });
};

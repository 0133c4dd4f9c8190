/** Problems of which `theory` asks closed forms alone: what those do not need is not computed. */
import { isComputed } from '../ensemble/computedStart.js';
import { initializationNames } from '../ensemble/initialization.js';
import { makeProblem } from '../input/problem.js';
import { builtInLoss } from '../problem/losses.js';
import type { SweepConfig } from './config.js';

/** `makeProblem` for these ranks and initializations; `tell` gets a line now and then while that takes its time. */
export const theoryProblems = (
  { ranks, init, seed }: Pick<SweepConfig, 'ranks' | 'init' | 'seed'>,
  tell: (line: string) => void,
): typeof makeProblem => {
  // Given adapters are compared with the singular vectors.
  const vectors = !init.every((spec) => isDrawn(spec));
  const most = ranks.reduce((largest, rank) => Math.max(largest, rank), 0);
  return async (loss, source, shape, ...rest) =>
    builtInLoss(loss)?.leanProblem?.(source, shape, { most, vectors, seed, tell }) ??
    makeProblem(loss, source, shape, ...rest);
};

const isDrawn = (spec: string): boolean =>
  !isComputed(spec) && Object.hasOwn(initializationNames, spec.split(':')[0]!);

/** The smallest loss of a rank, computed once for each problem: it is asked for at every observation of every trial. */
import type { Problem } from './problem.js';

const known = new WeakMap<Pick<Problem, 'optimum'>, Map<number, number | null>>();

/** `problem.optimum(rank)`, remembered as long as the problem is. */
export function optimumOf(problem: Pick<Problem, 'optimum'>, rank: number): number | null {
  const optima = known.get(problem) ?? new Map<number, number | null>();
  known.set(problem, optima);
  let optimum = optima.get(rank);
  if (optimum === undefined) optima.set(rank, (optimum = problem.optimum(rank)));
  return optimum;
}

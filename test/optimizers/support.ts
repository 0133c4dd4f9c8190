/** The optimizers' reference (reference/make_optimizers.py), and how rankflow computes its cases. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { fromFactors, toFactors } from '../../src/ensemble/adapter.js';
import { memberAt, type Member } from '../../src/ensemble/member.js';
import { flow } from '../../src/flow/flow.js';
import { flowUnder, type Method } from '../../src/method/method.js';
import { method, type MethodName, type MethodOptions } from '../../src/method/methods.js';
import { dense } from '../../src/numbers/dense.js';
import { onSamples } from '../../src/problem/linearRegression.js';
import type { Problem } from '../../src/problem/problem.js';
import { fromSamples } from '../../src/problem/samples.js';
import { frobeniusDense } from '../../src/problem/frobenius.js';
import { solve, type SolveOptions } from '../../src/solver/solve.js';
import { relativeError } from '../support.js';

export interface Case extends MethodOptions {
  readonly method: MethodName;
  readonly step: number;
  readonly decay?: number;
  readonly coupledDecay?: number;
  readonly frozen?: 'A' | 'B';
  readonly A: readonly number[];
  readonly B: readonly number[];
  /** Relative distance of the update that torch.optim.Muon itself ends at, with its bfloat16. */
  readonly stock?: number;
}

export interface Reference {
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly steps: number;
  readonly scale: number;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
  readonly target: readonly number[];
  readonly A0: readonly number[];
  readonly B0: readonly number[];
  readonly cases: readonly Case[];
  /** Cases on the minibatches of a trial, of samples: rows of inputs [N, m] and of residuals [N, n]. */
  readonly trial: number;
  readonly inputs: readonly number[];
  readonly residuals: readonly number[];
  readonly stochastic: readonly Case[];
}

export const reference = JSON.parse(
  readFileSync(new URL('../reference/optimizers.json', import.meta.url), 'utf8'),
) as Reference;
const { n, m, rank, steps, scale, lrRatioA, lrRatioB, trial } = reference;
const matrix = (rows: number, cols: number, values: readonly number[]) =>
  dense(rows, cols, Float64Array.from(values));
const target = matrix(n, m, reference.target);
const start = { loraA: matrix(rank, m, reference.A0), loraB: matrix(n, rank, reference.B0) };

/** The method of a case, and the member that starts where PyTorch does. */
function made({ method: name, decay, coupledDecay, frozen, ...options }: Case): { by: Method; at: Member } {
  const { step, momentum, schedule, warmup, batch, seed } = options;
  const by = method(name, { step, momentum, schedule, warmup, batch, seed });
  const moved = flowUnder(by, flow('gradient', { decay, coupledDecay }));
  const coefficients = {
    scale,
    lrRatioA: frozen === 'A' ? 0 : lrRatioA,
    lrRatioB: frozen === 'B' ? 0 : lrRatioB,
  };
  return { by, at: memberAt(toFactors(start, coefficients, moved), coefficients, trial, moved) };
}

/** Relative errors of the final A and B of a case. */
export async function errors(
  each: Case,
  options: Pick<SolveOptions, 'device' | 'precision' | 'kernel'>,
  problem: Problem = frobeniusDense(target),
) {
  const { by, at } = made(each);
  const stop = { saveTimes: [steps * each.step] };
  const [ended] = await solve({ problem, members: [at] }, { method: by, stop, ...options }).all();
  expect(ended).toMatchObject({ outcome: 'end-time', acceptedSteps: steps });
  const { loraA, loraB } = fromFactors(ended!.factors, at.coefficients, at.flow);
  return [relativeError(loraA.data, each.A), relativeError(loraB.data, each.B)];
}

/** The regression on the samples of the reference. */
export const regression = onSamples(
  fromSamples(
    matrix(reference.inputs.length / m, m, reference.inputs),
    matrix(reference.residuals.length / n, n, reference.residuals),
  ),
);

type Named = (readonly [name: string, each: Case])[];

/** Cases by what they are. */
export const [named, stochastic] = [reference.cases, reference.stochastic].map((cases) =>
  cases.map(
    (each) => [JSON.stringify({ ...each, A: undefined, B: undefined, stock: undefined }), each] as const,
  ),
) as [Named, Named];

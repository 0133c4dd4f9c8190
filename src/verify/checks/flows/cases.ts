/** Random cases under other flows than the gradient's: of every loss, and from the starts that closed forms have. */
import type { Coefficients } from '../../../flow/coefficients.js';
import { flow, symmetriesOf, type Decay, type Flow } from '../../../flow/flow.js';
import { dense, leadingColumns, scaled, transposed, type Dense } from '../../../numbers/dense.js';
import { svd } from '../../../numbers/svd.js';
import type { State64 } from '../../../../kernels/cpu/state.js';
import { Draws, firstOfEach, type Case } from '../../cases.js';
import type { CheckContext } from '../../check.js';
import {
  frobeniusCase,
  gaussianStart,
  separated,
  shapeOf,
  type SpectralCase,
} from '../closedForms/problems.js';

/** Coefficients that a flow takes: the projected one has no learning-rate ratios. */
const coefficientsOf = (k: Coefficients, { rule }: Flow): Coefficients =>
  rule === 'projected' ? { ...k, lrRatioA: 1, lrRatioB: 1 } : k;

/** A case under a flow; null where it is in a frame that the flow does not commute with. */
export function under(at: Case, moved: Flow, name: string): Case | null {
  if (at.problem.frame && !symmetriesOf(moved).rotation) return null;
  const coefficients = coefficientsOf(at.coefficients, moved);
  return { ...at, name: `${name}, ${at.name}`, flow: moved, coefficients };
}

/** The first cases of every kind of loss, of a rank above 1 and less than full where there are such, under some flows. */
export function flowCases(
  { cases }: CheckContext,
  specs: readonly string[],
  decay: Decay = {},
  count = 1,
): Case[] {
  const place = ({ rank, problem: { n, m } }: Case) => (rank === 1 ? 2 : rank < Math.min(n, m) ? 0 : 1);
  const chosen = firstOfEach(
    [...cases].sort((a, b) => place(a) - place(b)),
    count,
  );
  return specs.flatMap((spec) => chosen.flatMap((at) => under(at, flow(spec, decay), spec) ?? []));
}

/**
 * How much rounding of the factors and their gradients a flow's rule carries on: the condition of what it inverts, and of
 * the decomposition that it makes of a gradient.
 */
export function conditionOf(at: Case, [b, a]: State64, [gB, gA]: State64): number {
  const { rank: r, problem } = at;
  const { n, m } = problem;
  const { rule, damping } = at.flow!;
  const added = rule === 'spectral' ? damping ** 2 : damping;
  const condition = (z: Dense) => {
    const { sigma } = svd(z);
    return (sigma[0]! ** 2 + added) / (sigma.at(-1)! ** 2 + added);
  };
  const [factorB, factorA] = [dense(n, r, b!), dense(r, m, a!)];
  switch (rule) {
    case 'gradient':
      return 1;
    case 'scaled':
      return Math.max(condition(factorB), condition(factorA));
    case 'projected':
      return condition(factorB) * condition(factorA);
    case 'spectral':
      return Math.sqrt(Math.max(condition(dense(n, r, gB!)), condition(dense(r, m, gA!))));
    case 'sign':
      return Math.max(...gB!.map(Math.abs), ...gA!.map(Math.abs)) / damping;
  }
}

/** A Frobenius case under a flow, from given learning-rate ratios. */
export function movedCase(
  context: CheckContext,
  index: number,
  moved: (k: Coefficients) => Flow,
  change: Partial<Coefficients> = {},
): SpectralCase & { readonly flow: Flow } {
  const draws = new Draws(context.seed, 'flow', index);
  const shape = shapeOf(context, draws, index, 5);
  const rank = draws.integer(2, 3);
  const sigma = separated(draws, Math.min(...shape));
  const at = frobeniusCase(context, draws, shape, rank, sigma, gaussianStart(shape, rank));
  const coefficients = { ...at.coefficients, ...change };
  const by = moved(coefficients);
  return { ...at, name: `${by.rule}, ${at.name}`, coefficients, flow: by };
}

/** The adapter B = sqrt(kB) NORM U_r, A = sqrt(kA) NORM V_r^T of a case, c NORM^2 = sigma_r / 5. */
export function alignedAdapter({ frame, rank, coefficients, sigma }: SpectralCase) {
  const { scale, lrRatioA, lrRatioB } = coefficients;
  const norm = Math.sqrt((0.2 * sigma[rank - 1]!) / (scale * Math.sqrt(lrRatioA * lrRatioB)));
  return {
    loraB: scaled(leadingColumns(frame.left, rank), norm * Math.sqrt(lrRatioB)),
    loraA: scaled(transposed(leadingColumns(frame.right, rank)), norm * Math.sqrt(lrRatioA)),
  };
}

/** What a flow asks of the start of its factors and of the coordinates of its problem: refused before anything moves. */
import { nameOf, symmetriesOf, type Flow } from '../flow/flow.js';
import { InputError } from '../host/inputError.js';
import type { Problem } from '../problem/problem.js';
import { motionUnder, type MemberLaw } from './member.js';

/** @throws InputError if a problem is in a frame that a flow does not commute with */
export function checkCoordinates({ frame }: Pick<Problem, 'frame'>, flow: Flow): void {
  if (frame && !symmetriesOf(flow).rotation)
    throw new InputError(
      'flow',
      nameOf(flow),
      'used on a problem in the coordinates of W, in no spectral frame',
    );
}

/**
 * @throws InputError if nothing would move, a Gram matrix that an undamped flow divides by would be zero, the problem is
 *   in a frame that the flow does not commute with, or the coefficients are not the flow's
 */
export function checkFlowStart(law: MemberLaw): void {
  const { problem, rank, initialization, coefficients, flow } = law;
  const { rule, damping, rates } = motionUnder(law);
  if (flow) checkCoordinates(problem, flow);
  const { n, m } = problem;
  const { lrRatioA, lrRatioB } = coefficients;
  // Of adapters that are given nothing is known before they are drawn.
  const squares = initialization.squares({ n, m, rank, lrRatioA, lrRatioB });
  if (!squares) return;
  const isZero = { A: squares.a === 0, B: squares.b === 0 };
  const [movesB, movesA] = rates.map((rate) => rate > 0);
  if ((!movesA && isZero.A) || (!movesB && isZero.B)) {
    const frozen = movesA ? 'B' : 'A';
    throw new InputError(
      'init',
      initialization.name,
      `one whose ${frozen}0 is not zero where ${frozen} is frozen: nothing would move`,
    );
  }
  if ((rule !== 'scaled' && rule !== 'projected') || damping > 0) return;
  const divides = { A: movesB, B: movesA || rule === 'projected' };
  for (const factor of ['B', 'A'] as const)
    if (divides[factor] && isZero[factor])
      throw new InputError(
        'init',
        initialization.name,
        `one whose ${factor}0 is not zero (as small or aligned:1), or a damped flow (as ${rule}:1e-2): ` +
          `the undamped ${rule} flow divides by its squares`,
      );
}

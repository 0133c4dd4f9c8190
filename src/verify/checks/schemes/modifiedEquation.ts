/** Modified equations of update schemes, and the linear equation of the gap between them, as fields in float64. */
import type { Field } from '../../../../kernels/cpu/field.js';
import { moved, type State64 } from '../../../../kernels/cpu/state.js';
import type { UpdateOrder } from '../../../method/schemes/gradientDescent.js';
import type { TangentField } from '../../means/fields.js';
import type { Setting } from './setting.js';

/** A state with nothing but the given component; nothing at all for null. */
const only = (component: number | null, state: State64): State64 =>
  state.map((z, c) => (c === component ? z : new Float64Array(z.length)));

/** The component that a scheme updates first: the other sees its change. */
const updatedFirst = (order: UpdateOrder): number | null =>
  order === 'simultaneous' ? null : order === 'a-then-b' ? 1 : 0;

/** DF tangent and K at states with slopes F, each row by a scheme of its own; one call of the backend. */
async function linearize(
  tangentField: TangentField,
  rowOrders: readonly UpdateOrder[],
  states: readonly State64[],
  slopes: readonly State64[],
  tangents: readonly State64[],
): Promise<{ readonly carried: readonly State64[]; readonly coupled: readonly State64[] }> {
  const first = rowOrders.map(updatedFirst);
  const actual = await tangentField(
    [...states, ...states],
    [...tangents, ...slopes.map((slope, row) => only(first[row]!, slope))],
  );
  return {
    carried: actual.slice(0, states.length),
    coupled: first.map((component, row) =>
      only(component === null ? null : 1 - component, actual[states.length + row]!),
    ),
  };
}

/** The modified equation, with a scheme and a step size for every row. */
export const modifiedField =
  ({ field, tangentField }: Setting, rowOrders: readonly UpdateOrder[], steps: readonly number[]): Field =>
  async (states) => {
    const slopes = await field(states);
    const { carried, coupled } = await linearize(tangentField, rowOrders, states, slopes, slopes);
    return slopes.map((slope, row) => moved(slope, steps[row]!, [-1 / 2, 1], [carried[row]!, coupled[row]!]));
  };

/** The flow of (B, A) with the d of a scheme for every row riding along: states [B, A, dB, dA]. */
export const gapField =
  ({ field, tangentField }: Setting, rowOrders: readonly UpdateOrder[]): Field =>
  async (states) => {
    const [adapters, behind] = [
      states.map((state) => state.slice(0, 2)),
      states.map((state) => state.slice(2)),
    ];
    const slopes = await field(adapters);
    const { carried, coupled } = await linearize(tangentField, rowOrders, adapters, slopes, behind);
    return slopes.map((slope, row) => [...slope, ...moved(carried[row]!, 1, [1], [coupled[row]!])]);
  };

/** Settings of update schemes: a case with its flow and derivative, gradient descent on it, and the flow to its end. */
import type { State64 } from '../../../../kernels/cpu/state.js';
import type { Field } from '../../../../kernels/cpu/field.js';
import type { UpdateOrder } from '../../../method/schemes/gradientDescent.js';
import { firstOfEach, timeOf, type Case } from '../../cases.js';
import type { CheckContext } from '../../check.js';
import {
  deviceField,
  referenceField,
  stateOf,
  tangentsByDifferences,
  type DeviceField,
  type TangentField,
} from '../../means/fields.js';
import { integrate } from '../../means/trajectories.js';
import type { CaseSize } from '../../sizes.js';
import type { VerificationSubject } from '../../subject.js';

/** Largest rate times time: things move by their own size. */
const HORIZON = 2;
/** Steps of gradient descent to the horizon; errors of the largest steps are a few percent. */
const COUNTS = [64, 128, 256, 512, 1024];
/** Fewer where the flow is not float64, or its derivative not even float32: rounding would show. */
const COARSE_COUNTS = [32, 64, 128, 256, 512];
/** Steps of dopri5 to the horizon, for what is compared with: an error of 1e-9 to 1e-6. */
const FLOW_STEPS = 32;

/** Cases of every kind whose Jacobian-vector products are taken, thousands of them, one after another. */
const LINEARIZED: Record<CaseSize, number> = { small: 1, paper: 2, large: 3 };

/** A case with its flow, the derivative of its flow, and the time that it is followed for. */
export interface Setting {
  readonly subject: VerificationSubject;
  readonly at: Case;
  readonly start: State64;
  readonly time: number;
  readonly counts: readonly number[];
  readonly field: Field;
  readonly tangentField: TangentField;
}

/**
 * Visits the setting of a case, from its first adapter, and disposes of it. A flow that is only followed is not
 * differentiated on the backend.
 */
export async function within<T>(
  context: CheckContext,
  at: Case,
  use: 'followed' | 'differentiated',
  visit: (setting: Setting) => Promise<T>,
): Promise<T> {
  const { subject, backend } = context;
  const reference = referenceField(context, at);
  const onDevice = use === 'differentiated' && at.problem.structure.kind !== 'autodiff';
  let device: DeviceField | undefined;
  try {
    return await visit({
      subject,
      at,
      start: stateOf(at.adapters[0]!),
      time: timeOf(at, HORIZON),
      counts: reference.float64 && !(onDevice && backend.precision === 'reduced') ? COUNTS : COARSE_COUNTS,
      field: reference.field,
      tangentField: onDevice
        ? (device = deviceField(subject, at)).tangentField
        : tangentsByDifferences(reference.field, reference.step),
    });
  } finally {
    reference.dispose();
    device?.dispose();
  }
}

export const linearizedCases = ({ cases, size }: CheckContext) => firstOfEach(cases, LINEARIZED[size]);

/** Ends of gradient descent at the horizon, for each number of steps. */
export async function descents(setting: Setting, order: UpdateOrder): Promise<State64[]> {
  const { subject, start, time, counts, field } = setting;
  const states = counts.map(() => start);
  for (let step = 0; step < Math.max(...counts); step++) {
    const rows = counts.flatMap((count, row) => (step < count ? [row] : []));
    const next = await subject.gradientDescentStep(
      field,
      order,
      rows.map((row) => states[row]!),
      rows.map((row) => time / counts[row]!),
    );
    rows.forEach((row, i) => (states[row] = next[i]!));
  }
  return states;
}

/** Ends of flows at the horizon. */
export const flows = ({ subject, time }: Setting, field: Field, starts: readonly State64[]) =>
  integrate(subject, subject.tableaus.dopri5, field, starts, time, FLOW_STEPS);

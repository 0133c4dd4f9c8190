/** Loss of full fine-tuning beside a LoRA flow: its closed form, or for a custom loss its own integration. */
import * as tf from '@tensorflow/tfjs';
import { fullFineTuningSystem } from '../../kernels/tensorOps/fullFineTuningSystem.js';
import { method as methodOf } from '../method/methods.js';
import type { Method } from '../method/method.js';
import { succeeded, type Outcome } from '../method/outcome.js';
import type { StopRule } from '../method/track.js';
import type { Problem } from '../problem/problem.js';
import type { HostState } from '../solver/batch.js';
import type { Device } from '../solver/device.js';
import { integrate } from '../solver/integrate.js';

export interface FullFineTuning {
  /** Losses at the save times; NaN where the integration failed before, or a loss is not finite. */
  readonly losses: readonly number[];
  /** Outcome of the integration; null where a closed form gives the losses. */
  readonly outcome: Outcome | null;
  /** Time t that full fine-tuning reached. */
  readonly time: number;
}

/**
 * Full fine-tuning, dW/dt = -grad f(W) from W0, on a device, in float32.
 * @param method of the flow beside; one of fixed steps, whose size suits the factors, is replaced by rkc2
 * @param stop save times, steadiness, and most steps
 * @param onSave hears how many save times an integration has reached, 0 before the first
 */
export async function fullFineTuning(
  problem: Problem,
  method: Method,
  stop: StopRule,
  device: Device,
  onSave: (saves: number) => void = () => undefined,
): Promise<FullFineTuning> {
  const { structure, n, m } = problem;
  const times = stop.saveTimes;
  if (structure.kind !== 'autodiff')
    return {
      losses: times.map((t) => problem.fullFineTuningLoss(t) ?? NaN),
      outcome: null,
      time: times.at(-1)!,
    };
  const lossOf = async ([w]: HostState) => {
    const loss = tf.tidy(() => structure.loss(tf.tensor3d(w as Float32Array, [1, n, m])));
    const [value] = await loss.data();
    loss.dispose();
    return value as number;
  };
  let saves = 0;
  onSave(saves);
  const [ending] = await device.run(() =>
    integrate(
      {
        system: fullFineTuningSystem(structure.loss),
        shapes: [{ rows: n, cols: m }],
        initial: [[Float32Array.from(structure.base.data)]],
        clocks: [1],
        observe: (_, __, state) => lossOf(state),
        save: (_, __, state) => {
          onSave(++saves);
          return lossOf(state);
        },
      },
      method.control.kind === 'fixed' ? methodOf('rkc2') : method,
      stop,
    ),
  );
  const { saved, last, outcome, time } = ending!;
  const losses = saved.map((loss) => (loss !== null && Number.isFinite(loss) ? loss : NaN));
  return {
    losses,
    outcome: succeeded(outcome) && !Number.isFinite(last) ? 'loss-not-finite' : outcome,
    time,
  };
}

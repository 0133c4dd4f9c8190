/** Loss of full fine-tuning beside a LoRA flow: its closed form, or for a custom loss its own integration. */
import * as tf from '@tensorflow/tfjs';
import { fullFineTuningSystem } from '../../kernels/tensorOps/fullFineTuningSystem.js';
import { method } from '../method/method.js';
import type { Problem } from '../problem/problem.js';
import type { HostState } from './batch.js';
import { integrate } from './integrate.js';

/** Losses at the given times (ascending), NaN after a failure. */
export async function fullFineTuningLosses(problem: Problem, times: readonly number[]): Promise<number[]> {
  const { structure, n, m } = problem;
  if (structure.kind !== 'autodiff') return times.map((t) => problem.fullFineTuningLoss(t) ?? NaN);
  const system = fullFineTuningSystem(structure.loss);
  const lossAt = async (_: number, __: number, [w]: HostState) => {
    const loss = tf.tidy(() => structure.loss(tf.tensor3d(w as Float32Array, [1, n, m])));
    const [value] = await loss.data();
    loss.dispose();
    return value as number;
  };
  const [ending] = await integrate(
    {
      system,
      shapes: [{ rows: n, cols: m }],
      initial: [[Float32Array.from(structure.base.data)]],
      clocks: [1],
      observe: lossAt,
    },
    method('dopri5'),
    { saveTimes: times, steadyTolerance: null, maxSteps: 100_000 },
  );
  return ending!.saved.map((loss) => loss ?? NaN);
}

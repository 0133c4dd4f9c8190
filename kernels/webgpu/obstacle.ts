/** What the webgpu kernel cannot do on a device: what does not fit it, and what float32 cannot count or tell apart. */
import type { AdvanceTask } from '../fused.js';
import { layoutOf, QUAD, roomOf, sliceSize } from './layout.js';
import { kinds, shaderOf } from './structures.js';
import { trackWords } from './words.js';

/** Obstacle that keeps a device from a task, in words; null if there is none. */
export function obstacle(attrs: AdvanceTask, device: GPUDevice): string | null {
  const { method, n, m, rank, clocks, stop } = attrs;
  const layout = layoutOf(attrs, roomOf(device));
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const perTrajectory = {
    states: (n + m) * rank * 4,
    'saved states': stop.saveTimes.length * (n + m) * rank * 4,
    memory: (1 + stop.saveTimes.length + trackWords(method, layout)) * 4,
  };
  for (const [what, bytes] of Object.entries(perTrajectory))
    if (bytes * clocks.length > most)
      return `the ${what} of ${clocks.length} trajectories need ${bytes * clocks.length} bytes, a buffer holds ${most}`;
  const strange = strangeSpan(attrs) ?? smallScale(attrs);
  if (strange !== null) return strange;
  const slice = sliceSize(layout) * QUAD;
  if (slice > most) return `one trajectory needs ${slice} bytes, a buffer holds ${most}`;
  return null;
}

/** Spans between save times that float32 numbers, or counts of steps, hold with room around them. */
const SPANS = { least: 2 ** -100, most: 2 ** 100, steps: 2 ** 31 - 1 };

/** Why the kernel cannot count the time between two save times; null if it can. */
function strangeSpan({ method, stop: { saveTimes }, clocks }: AdvanceTask): string | null {
  for (const [k, to] of saveTimes.entries()) {
    const span = to - (saveTimes[k - 1] ?? 0);
    if (span === 0) continue;
    if (method.control.kind === 'fixed') {
      if (span / method.control.step > SPANS.steps)
        return `more than ${SPANS.steps} steps between save times`;
    } else if (clocks.some((clock) => !(span * clock >= SPANS.least && span * clock <= SPANS.most)))
      return `${span} between save times is out of the range of its time`;
  }
  return null;
}

/** Below this the squares of slopes underflow, and what moves looks stationary. */
const LEAST_SCALE = 2 ** -40;

/** Why the kernel cannot tell the slopes of a structure from none; null if it can. */
function smallScale({ structure }: AdvanceTask): string | null {
  if (!(kinds as string[]).includes(structure.kind)) return null;
  const scale = shaderOf(structure).scale(structure);
  return scale > 0 && scale < LEAST_SCALE ? `slopes at the scale of ${scale} underflow when squared` : null;
}

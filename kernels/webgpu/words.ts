/**
 * What the host writes for the kernel, in the words of the shader's buffers: the uniform `call`, the table of
 * coefficients, and of every trajectory its spans, with which the memory begins.
 */
import type { Method } from '../../src/method/method.js';
import type { AdvanceAttrs } from '../fused.js';
import { TRACK_WORDS } from './track.wgsl.js';
import { decayNumbers } from './flow.wgsl.js';
import type { Layout } from './layout.js';
import { carriedSlots, schemeCoefficients } from './schemes.js';
import { shaderOf } from './structures.js';

/** Bytes of the uniform `call`. */
export const CALL_BYTES = 32;

/** Numbers that the kernel reads: of the structure, from METHOD on of the method, and from DECAY on of the motion. */
export const tableOf = (
  attrs: Pick<AdvanceAttrs, 'structure' | 'method' | 'motion'>,
  layout: Layout,
): Float32Array =>
  Float32Array.from([
    ...shaderOf(attrs.structure).table(attrs.structure, layout),
    ...schemeCoefficients(attrs.method),
    ...decayNumbers(attrs.motion),
  ]);

/** Words that the memory holds of each trajectory besides its spans. */
export const trackWords = (method: Method, { rows, quads }: Layout): number =>
  TRACK_WORDS + carriedSlots(method).length * rows * quads * 4;

/** The time of every trajectory as the kernel counts it (controls/), in words of 32 bits [batch, 1 + saves]. */
export function spansOf({
  method: { control },
  stop: { saveTimes },
  clocks,
}: Pick<AdvanceAttrs, 'method' | 'stop' | 'clocks'>): Uint32Array<ArrayBuffer> {
  const width = 1 + saveTimes.length;
  const integers = new Uint32Array(clocks.length * width);
  const floats = new Float32Array(integers.buffer);
  const spans = saveTimes.map((time, k) => [k === 0 ? 0 : saveTimes[k - 1]!, time] as const);
  clocks.forEach((clock, row) => {
    const at = row * width;
    if (control.kind === 'fixed') {
      const stepsTo = (time: number) => Math.round(time / control.step);
      floats[at] = control.step * clock;
      spans.forEach(([from, to], k) => (integers[at + 1 + k] = stepsTo(to) - stepsTo(from)));
    } else spans.forEach(([from, to], k) => (floats[at + 1 + k] = (to - from) * clock));
  });
  return integers;
}

/** The uniform `call` of the shader. */
export function callWords(
  { steps, stop }: Pick<AdvanceAttrs, 'steps' | 'stop'>,
  first: number,
  resumes: boolean,
  spans: number,
): ArrayBuffer {
  const most = 2 ** 31 - 1;
  const words = Uint32Array.from([
    first,
    Math.min(steps, most),
    Number(resumes),
    stop.saveTimes.length,
    Number(stop.saveTimes[0] === 0),
    Math.min(stop.maxSteps, most),
    0,
    spans,
  ]);
  new Float32Array(words.buffer)[6] = stop.steadyTolerance ?? -1;
  return words.buffer;
}

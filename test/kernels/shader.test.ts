/**
 * WGSL of the webgpu kernel against texts that were read and kept (shaders/): a change of a shader is seen as text, on
 * machines without a GPU too. Renew them with `npx vitest run test/kernels/shader.test.ts -u`.
 */
import { describe, expect, it } from 'vitest';
import { layoutOf, type Room } from '../../kernels/webgpu/layout.js';
import { shaderText } from '../../kernels/webgpu/shader.js';
import { gradientMotion, motionOf } from '../../src/flow/motion.js';
import { flow } from '../../src/flow/flow.js';
import { method } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import type { HostStructure } from '../../src/problem/structure.js';

const diagonal: HostStructure = { kind: 'diagonal', sigma: Float64Array.of(1, 0.5, 0.25) };
const trace: HostStructure = { kind: 'trace', trace0: 1.5 };
const decaying = motionOf({ scale: 2, lrRatioA: 1, lrRatioB: 1 }, flow('gradient', { decay: 0.5 }));
const decayingB = motionOf({ scale: 2, lrRatioA: 0, lrRatioB: 1 }, flow('gradient', { decay: 0.5 }));
const gpu: Room = { workgroupBytes: 2 ** 15, subgroup: 32 };

const textOf = (
  structure: HostStructure,
  chosen: Method,
  room = gpu,
  [n, m, rank] = [3, 5, 2],
  motion = gradientMotion,
): string =>
  shaderText(
    { structure, method: chosen, motion },
    layoutOf({ n: n!, m: m!, rank: rank!, method: chosen }, room),
  );

describe('the shader', () => {
  it.each([
    ['of gradient descent, A first', 'gd-a-then-b', textOf(diagonal, method('gd-a-then-b', { step: 0.1 }))],
    ['of rk4 on a processor', 'rk4', textOf(diagonal, method('rk4', { step: 0.1 }), { ...gpu, subgroup: 4 })],
    ['of dopri5', 'dopri5', textOf(diagonal, method('dopri5', { rtol: 1e-6 }))],
    [
      'of rkc2 on the trace, in slices',
      'rkc2',
      textOf(trace, method('rkc2', { rtol: 1e-4 }), { ...gpu, workgroupBytes: 1024 }, [3, 3, 2]),
    ],
    [
      'of bosh3 with many rows a thread',
      'bosh3',
      textOf(diagonal, method('bosh3', { rtol: 1e-3 }), gpu, [640, 320, 16]),
    ],
    [
      'of gradient descent on the trace',
      'gd-trace',
      textOf(trace, method('gd-simultaneous', { step: 0.1 }), gpu, [4, 4, 2]),
    ],
    [
      'of rk4 under decay',
      'rk4-decay',
      textOf(diagonal, method('rk4', { step: 0.1 }), gpu, [3, 5, 2], decaying),
    ],
    [
      'of gradient descent on the trace, under decay and with A frozen',
      'gd-trace-frozen-a',
      textOf(trace, method('gd-simultaneous', { step: 0.1 }), gpu, [4, 4, 2], decayingB),
    ],
  ])('%s is as it was', async (_, file, text) => {
    await expect(text).toMatchFileSnapshot(`shaders/${file}.wgsl`);
  });

  it('is one text for all decays', () => {
    const more = { ...decaying, decay: [0.7, 0.1] as const };
    const [one, other] = [decaying, more].map((motion) =>
      textOf(diagonal, method('rk4', { step: 0.1 }), gpu, [3, 5, 2], motion),
    );
    expect(one).toBe(other);
  });

  it('differs by a number that it has of a method', () => {
    const [one, other] = [1e-6, 1e-5].map((rtol) => textOf(diagonal, method('dopri5', { rtol })).split('\n'));
    const changed = one!.flatMap((line, i) => (line === other![i] ? [] : [[line, other![i]]]));
    expect(changed).toEqual([[expect.stringContaining('0.000001 *'), expect.stringContaining('0.00001 *')]]);
  });
});

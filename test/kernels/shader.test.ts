/**
 * WGSL of the webgpu kernel against texts that were read and kept (shaders/): a change of a shader is seen as text, on
 * machines without a GPU too. Renew them with `npx vitest run test/kernels/shader.test.ts -u`.
 */
import { describe, expect, it } from 'vitest';
import { layoutOf, type Room } from '../../kernels/webgpu/layout.js';
import { shaderText } from '../../kernels/webgpu/shader.js';
import { gradientMotion, motionOf, type Motion } from '../../src/flow/motion.js';
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
    ['of dop853, with two estimates', 'dop853', textOf(diagonal, method('dop853', { rtol: 1e-5 }))],
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
  ])('%s is as it was', async (_, file, text) => {
    await expect(text).toMatchFileSnapshot(`shaders/${file}.wgsl`);
  });

  it.each<
    [string, Method, HostStructure, [number, number, number], Motion, [plain: string, moved: string][]]
  >([
    [
      'of rk4 under decay',
      method('rk4', { step: 0.1 }),
      diagonal,
      [3, 5, 2],
      decaying,
      [
        ['const METHOD = 12u;\n', 'const METHOD = 12u;\nconst DECAY = 36u;\n'],
        [
          '    var s3 = vec4f();\n',
          `    var s3 = vec4f();
    if (a == b && part == 0u) {
      let decay = table[DECAY + select(1u, 0u, ofY)];
      s0.x = decay;
      s1.y = decay;
      s2.z = decay;
      s3.w = decay;
    }
`,
        ],
      ],
    ],
    [
      'of gradient descent on the trace, under decay and with A frozen',
      method('gd-simultaneous', { step: 0.1 }),
      trace,
      [4, 4, 2],
      decayingB,
      [
        ['const METHOD = 1u;\n', 'const METHOD = 1u;\nconst DECAY = 1u;\n'],
        [
          '-p * vector(source + other * QUADS + quad));',
          `-p * vector(source + other * QUADS + quad)
        - table[DECAY + select(1u, 0u, row < ROWS_X)] * vector(source + row * QUADS + quad));`,
        ],
        [
          '{ descent(source, to, start, end); }',
          `{
  descent(source, to, max(start, 0u), min(end, ROWS_X));
  for (var row = max(start, ROWS_X) + lane; row < min(end, ROWS); row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) { setVector(to + quad, vec4f()); }
  }
}`,
        ],
      ],
    ],
  ])('%s is that of the plain flow but for these changes', (_, by, structure, shape, motion, changes) => {
    const [plain, moved] = [gradientMotion, motion].map((each) => textOf(structure, by, gpu, shape, each));
    for (const [from] of changes) expect(plain!.split(from)).toHaveLength(2);
    expect(moved).toBe(changes.reduce((text, [from, to]) => text.replace(from, to), plain!));
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

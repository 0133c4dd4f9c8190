/**
 * The text of representative shaders against snapshots (wgsl/, made anew by `vitest -u`): what becomes of a change of the
 * WebGPU kernel is to be seen, where no number changes too.
 */
import { expect, it } from 'vitest';
import { layoutOf } from '../../kernels/webgpu/layout.js';
import { shaderText } from '../../kernels/webgpu/shader.js';
import { method } from '../../src/method/methods.js';

const diagonal = { kind: 'diagonal', sigma: Float64Array.of(1, 0.5) } as const;
const trace = { kind: 'trace', trace0: 1.5 } as const;
const gpu = { workgroupBytes: 2 ** 15, subgroup: 32 };

it.each([
  ['diagonal-dopri5', diagonal, { n: 7, m: 5, rank: 3, method: method('dopri5', { rtol: 1e-4 }) }, gpu],
  ['diagonal-rk4', diagonal, { n: 7, m: 5, rank: 3, method: method('rk4', { step: 0.1 }) }, gpu],
  ['trace-gd-a-then-b', trace, { n: 6, m: 6, rank: 2, method: method('gd-a-then-b', { step: 0.1 }) }, gpu],
  ['trace-rkc2', trace, { n: 6, m: 6, rank: 2, method: method('rkc2', { rtol: 1e-4 }) }, gpu],
  // Its vectors are in slices of a buffer, and a thread has many rows.
  [
    'diagonal-bosh3-sliced',
    diagonal,
    { n: 640, m: 320, rank: 16, method: method('bosh3', { rtol: 1e-4 }) },
    { workgroupBytes: 2 ** 14, subgroup: 4 },
  ],
])('the shader %s is what it was', async (name, structure, shape, room) => {
  const text = shaderText({ structure, method: shape.method }, layoutOf(shape, room));
  await expect(text).toMatchFileSnapshot(`wgsl/${name}.wgsl`);
});

/** WGSL of gradient descent: both factors at once, or the one with the other's new value. */
import type { UpdateOrder } from '../../../src/method/schemes/gradientDescent.js';
import { beginWithNothing } from '../begin.wgsl.js';
import { each } from '../each.wgsl.js';
import type { SchemeShader } from './scheme.js';

const text = (order: UpdateOrder): string => {
  const x = ['0u', 'ROWS_X'];
  const y = ['ROWS_X', 'ROWS'];
  const turns = { simultaneous: [['0u', 'ROWS']], 'a-then-b': [y, x], 'b-then-a': [x, y] }[order];
  return /* wgsl */ `
${beginWithNothing}
fn attempt(step: Plan) {
  ${each('setVector(NEXT + quad, vector(STATE + quad));')}
  ${turns
    .map(
      ([start, end]) => /* wgsl */ `derivative(NEXT, SLOPE, ${start}, ${end});
  for (var row = ${start} + lane; row < ${end}; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(NEXT + quad, vector(STATE + quad) + step.h * vector(SLOPE + quad));
    }
  }`,
    )
    .join('\n  ')}
  var own = vec4f();
  ${each(`let z = vector(NEXT + quad);
      let slope = vector(SLOPE + quad);
      own += vec4f(dot(z, z), dot(slope, slope), 0, 0);`)}
  sums[lane] = own;
}

fn accept(step: Plan) {
  ${each('setVector(STATE + quad, vector(NEXT + quad));')}
}
`;
};

export const gradientDescent: SchemeShader<'gradient-descent'> = {
  text: ({ order }) => text(order),
  coefficients: () => [],
  slots: [],
};

/** WGSL of explicit Runge-Kutta methods, of any tableau. */
import type { Tableau } from '../../../src/method/tableau.js';
import { beginBySlope, beginWithNothing } from '../begin.wgsl.js';
import { each } from '../each.wgsl.js';
import type { SchemeShader } from './scheme.js';

/** WGSL of a tableau; where the slope at the state is carried along, the first stage is not evaluated. */
const text = (tableau: Tableau, carries: boolean): string => {
  const stages = tableau.b.length;
  const { sharesLast } = tableau;
  return /* wgsl */ `
const STAGES = ${stages}u;

fn combined(coefficients: u32, count: u32, quad: u32) -> vec4f {
  var sum = vec4f();
  for (var j = 0u; j < count; j++) {
    let weight = table[METHOD + coefficients + j];
    if (weight != 0) { sum += weight * vector(SLOPE + j * SIZE + quad); }
  }
  return sum;
}

fn attempt(step: Plan) {
  for (var stage = ${carries ? 1 : 0}u; stage < STAGES; stage++) {
    if (stage > 0) {
      ${each('setVector(NEXT + quad, vector(STATE + quad) + step.h * combined(stage * STAGES, stage, quad));')}
    }
    derivative(select(NEXT, STATE, stage == 0), SLOPE + stage * SIZE, 0u, ROWS);
  }
  var own = vec4f();
  ${each(`${
    sharesLast
      ? 'let z = vector(NEXT + quad);'
      : `let z = vector(STATE + quad) + step.h * combined(STAGES * STAGES, STAGES, quad);
      setVector(NEXT + quad, z);`
  }
      let slope = vector(SLOPE + ${sharesLast ? `${stages - 1}u * SIZE + ` : ''}quad);
      let error = ${tableau.errorWeights ? 'combined((STAGES + 1u) * STAGES, STAGES, quad)' : 'vec4f()'};${
        tableau.lowErrorWeights ? '\n      let low = combined((STAGES + 2u) * STAGES, STAGES, quad);' : ''
      }
      own += vec4f(dot(z, z), dot(slope, slope), dot(error, error), ${tableau.lowErrorWeights ? 'dot(low, low)' : '0'});`)}
  sums[lane] = own;
}

fn accept(step: Plan) {
  ${each(`setVector(STATE + quad, vector(NEXT + quad));
      ${carries ? `setVector(SLOPE + quad, vector(SLOPE + ${stages - 1}u * SIZE + quad));` : ''}`)}
}
`;
};

/** The rows of the square of a, b, and the weights of the errors. */
function coefficients({ a, b, errorWeights, lowErrorWeights }: Tableau): number[] {
  const square = a.map((row) => b.map((_, j) => row[j] ?? 0));
  return [...square, b, errorWeights ?? b.map(() => 0), lowErrorWeights ?? []].flat();
}

export const rungeKutta: SchemeShader<'runge-kutta'> = {
  text: ({ tableau }, carries) => text(tableau, carries) + (carries ? beginBySlope('') : beginWithNothing),
  coefficients: ({ tableau }) => coefficients(tableau),
  slots: [],
};

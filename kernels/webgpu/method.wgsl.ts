/**
 * WGSL of the methods: `begin()` evaluates what a trajectory starts with, `attempt(plan)` tries a step from slot STATE
 * to slot NEXT and leaves squared norms in `sums`, `accept(plan)` takes it. The steps are those of the twin
 * (kernels/cpu/step.ts); threads touch their own rows only, but for the derivative.
 */
import { carried, type Method } from '../../src/method/method.js';
import type { UpdateOrder } from '../../src/method/schemes/gradientDescent.js';
import { stagesOf } from '../../src/method/schemes/chebyshev.js';
import type { Tableau } from '../../src/method/tableau.js';
import { chebyshevText, firstIterations } from './chebyshev.wgsl.js';
import { each } from './each.wgsl.js';

export function methodText(method: Method): string {
  const { scheme } = method;
  const carries = carried(method).includes('slope');
  switch (scheme.kind) {
    case 'gradient-descent':
      return gradientDescent(scheme.order);
    case 'runge-kutta':
      return rungeKutta(scheme.tableau, carries) + (carries ? beginAdaptive('') : beginFixed);
    case 'chebyshev':
      return chebyshevText + beginAdaptive(firstIterations);
  }
}

/** Coefficients that the text reads from the table, from METHOD on. */
export function methodTable({ scheme }: Method): number[] {
  switch (scheme.kind) {
    case 'gradient-descent':
      return [];
    case 'runge-kutta':
      return tableauTable(scheme.tableau);
    case 'chebyshev':
      return Array.from({ length: scheme.mostStages - 1 }, (_, i) => {
        const { first, rest } = stagesOf(i + 2);
        return [first, ...rest.flatMap(({ mu, nu, muTilde, gammaTilde }) => [mu, nu, muTilde, gammaTilde])];
      }).flat();
  }
}

/** The rows of the square of a, b, and the weights of the error. */
function tableauTable({ a, b, errorWeights }: Tableau): number[] {
  const square = a.map((row) => b.map((_, j) => row[j] ?? 0));
  return [...square, b, errorWeights ?? b.map(() => 0)].flat();
}

const beginFixed = /* wgsl */ `
fn begin() {}
`;

const gradientDescent = (order: UpdateOrder): string => {
  const x = ['0u', 'ROWS_X'];
  const y = ['ROWS_X', 'ROWS'];
  const turns = { simultaneous: [['0u', 'ROWS']], 'a-then-b': [y, x], 'b-then-a': [x, y] }[order];
  return /* wgsl */ `
${beginFixed}
fn attempt(plan: Plan) {
  ${each('setVector(NEXT + quad, vector(STATE + quad));')}
  ${turns
    .map(
      ([start, end]) => /* wgsl */ `derivative(NEXT, SLOPE, ${start}, ${end});
  for (var row = ${start} + lane; row < ${end}; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(NEXT + quad, vector(STATE + quad) + plan.h * vector(SLOPE + quad));
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

fn accept(plan: Plan) {
  ${each('setVector(STATE + quad, vector(NEXT + quad));')}
}
`;
};

/** Where the slope at the state is carried along, the first stage is not evaluated. */
const rungeKutta = (tableau: Tableau, carries: boolean): string => {
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

fn attempt(plan: Plan) {
  for (var stage = ${carries ? 1 : 0}u; stage < STAGES; stage++) {
    if (stage > 0) {
      ${each('setVector(NEXT + quad, vector(STATE + quad) + plan.h * combined(stage * STAGES, stage, quad));')}
    }
    derivative(select(NEXT, STATE, stage == 0), SLOPE + stage * SIZE, 0u, ROWS);
  }
  var own = vec4f();
  ${each(`${
    sharesLast
      ? 'let z = vector(NEXT + quad);'
      : `let z = vector(STATE + quad) + plan.h * combined(STAGES * STAGES, STAGES, quad);
      setVector(NEXT + quad, z);`
  }
      let slope = vector(SLOPE + ${sharesLast ? `${stages - 1}u * SIZE + ` : ''}quad);
      let error = ${tableau.errorWeights ? 'combined((STAGES + 1u) * STAGES, STAGES, quad)' : 'vec4f()'};
      own += vec4f(dot(z, z), dot(slope, slope), dot(error, error), 0);`)}
  sums[lane] = own;
}

fn accept(plan: Plan) {
  ${each(`setVector(STATE + quad, vector(NEXT + quad));
      ${carries ? `setVector(SLOPE + quad, vector(SLOPE + ${stages - 1}u * SIZE + quad));` : ''}`)}
}
`;
};

const beginAdaptive = (more: string): string => /* wgsl */ `
fn begin() {
  derivative(STATE, SLOPE, 0u, ROWS);
  var own = vec4f();
  ${each(`let z = vector(STATE + quad);
      let slope = vector(SLOPE + quad);
      own += vec4f(dot(z, z), dot(slope, slope), 0, 0);`)}
  sums[lane] = own;
  sync();
  let norms = sqrt(total());
  let guess = firstGuess(norms.x, norms.y);
  ${each('setVector(NEXT + quad, vector(STATE + quad) + guess * vector(SLOPE + quad));')}
  derivative(NEXT, SLOPE + SIZE, 0u, ROWS);
  ${each(`let change = vector(SLOPE + SIZE + quad) - vector(SLOPE + quad);
      own.w += dot(change, change);`)}
  sums[lane] = own;
  sync();
  if (lane == 0) { start(norms.x, norms.y, guess, sqrt(total().w) / guess); }
  ${more}
}
`;

/**
 * WGSL of the stabilized method (src/method/schemes/chebyshev.ts): its step, and the power iteration that tells how
 * many stages a step needs.
 */
import { chebyshevCoefficients } from '../../coefficients.js';
import { beginBySlope } from '../begin.wgsl.js';
import { each } from '../each.wgsl.js';
import type { SchemeShader } from './scheme.js';

/**
 * Stages are held as their distances from the state: rounding of these is small beside that of the stages, and would
 * else grow with the square of their number.
 */
const text = /* wgsl */ `
fn attempt(step: Plan) {
  // Before a step of s stages come those of 2 to s - 1, of 4 s - 3 coefficients each.
  var at = METHOD + (2u * step.stages - 1u) * (step.stages - 2u);
  ${each(`let moved = step.h * table[at] * vector(SLOPE + quad);
      setVector(BEFORE + quad, vec4f());
      setVector(LAST + quad, moved);
      setVector(NEXT + quad, vector(STATE + quad) + moved);`)}
  var last = LAST;
  var before = BEFORE;
  at++;
  for (var stage = 2u; ; stage++) {
    derivative(NEXT, SLOPE1, 0u, ROWS);
    if (stage > step.stages) { break; }
    ${each(`let moved = table[at] * vector(last + quad) + table[at + 1u] * vector(before + quad)
        + step.h * (table[at + 2u] * vector(SLOPE1 + quad) + table[at + 3u] * vector(SLOPE + quad));
      setVector(before + quad, moved);
      setVector(NEXT + quad, vector(STATE + quad) + moved);`)}
    let newest = before;
    before = last;
    last = newest;
    at += 4u;
  }
  var own = vec4f();
  ${each(`let z = vector(NEXT + quad);
      let slope = vector(SLOPE1 + quad);
      let error = ERROR_OF_SLOPES * (vector(SLOPE + quad) + slope) - ERROR_OF_CHANGE / step.h * vector(last + quad);
      own += vec4f(dot(z, z), dot(slope, slope), dot(error, error), 0);`)}
  sums[lane] = own;
  if (step.iterates) {
    sync();
    let norms = sqrt(total());
    powerIteration(NEXT, SLOPE1, norms.x, norms.y);
  }
}

fn accept(step: Plan) {
  if (step.iterates) { keepDirection(); }
  ${each(`setVector(STATE + quad, vector(NEXT + quad));
      setVector(SLOPE + quad, vector(SLOPE1 + quad));`)}
}

// A power iteration with the Jacobian at a state of norm 'size', whose slope has norm 'rate', along DIRECTION (the
// slope where that is none). The new direction is left in slot BEFORE and its squared norm in sums.
fn powerIteration(at: u32, slope: u32, size: f32, rate: f32) {
  let usable = along > 0 && finite(along);
  let source = select(slope, DIRECTION, usable);
  let per = select(rate, along, usable);
  let ratio = select(0.0, NUDGE * size / per, per > 0);
  ${each('setVector(LAST + quad, vector(at + quad) + ratio * vector(source + quad));')}
  derivative(LAST, BEFORE, 0u, ROWS);
  var square = 0.0;
  ${each(`let change = vector(BEFORE + quad) - vector(slope + quad);
      setVector(BEFORE + quad, change);
      square += dot(change, change);`)}
  sums[lane] = vec4f(sums[lane].xyz, square);
}

// To be called when all sums are known.
fn keepDirection() {
  along = sqrt(total().w);
  ${each('setVector(DIRECTION + quad, vector(BEFORE + quad));')}
}
`;

/** WGSL of the power iterations that a trajectory begins with, beside its slope. */
const firstIterations = /* wgsl */ `
  for (var i = 0u; i < u32(FIRST_ITERATIONS); i++) {
    powerIteration(STATE, SLOPE, norms.x, norms.y);
    sync();
    keepDirection();
  }
  if (lane == 0) {
    track.evaluations += u32(FIRST_ITERATIONS);
    setRadius(along / (NUDGE * norms.x));
  }`;

export const chebyshev: SchemeShader<'chebyshev'> = {
  text: () => text + beginBySlope(firstIterations),
  coefficients: ({ mostStages }) => chebyshevCoefficients(mostStages),
  slots: ['LAST', 'BEFORE', 'DIRECTION'],
};

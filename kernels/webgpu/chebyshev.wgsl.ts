/**
 * WGSL of the stabilized method (src/method/stabilized.ts): its step, and the power iteration that tells how many stages
 * a step needs.
 */
import { FIRST_ITERATIONS, NUDGE } from '../../src/method/control.js';
import { each } from './each.wgsl.js';

/**
 * Stages are held as their distances from the state: rounding of these is small beside that of the stages, and would
 * else grow with the square of their number.
 */
export const chebyshevText = /* wgsl */ `
fn attempt(plan: Plan) {
  // Before a step of s stages come those of 2 to s - 1, of 4 s - 3 coefficients each.
  var at = METHOD + (2u * plan.stages - 1u) * (plan.stages - 2u);
  ${each(`let moved = plan.h * table[at] * vector(SLOPE + quad);
      setVector(BEFORE + quad, vec4f());
      setVector(LAST + quad, moved);
      setVector(NEXT + quad, vector(STATE + quad) + moved);`)}
  var last = LAST;
  var before = BEFORE;
  at++;
  for (var stage = 2u; ; stage++) {
    derivative(NEXT, SLOPE1, 0u, ROWS);
    if (stage > plan.stages) { break; }
    ${each(`let moved = table[at] * vector(last + quad) + table[at + 1u] * vector(before + quad)
        + plan.h * (table[at + 2u] * vector(SLOPE1 + quad) + table[at + 3u] * vector(SLOPE + quad));
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
      let error = 0.4 * (vector(SLOPE + quad) + slope) - 0.8 / plan.h * vector(last + quad);
      own += vec4f(dot(z, z), dot(slope, slope), dot(error, error), 0);`)}
  sums[lane] = own;
  if (plan.iterates) {
    sync();
    let norms = sqrt(total());
    iterate(NEXT, SLOPE1, norms.x, norms.y);
  }
}

fn accept(plan: Plan) {
  if (plan.iterates) { keepDirection(); }
  ${each(`setVector(STATE + quad, vector(NEXT + quad));
      setVector(SLOPE + quad, vector(SLOPE1 + quad));`)}
}

// A power iteration with the Jacobian at a state of norm 'size', whose slope has norm 'rate', along DIRECTION (the
// slope where that is none). The new direction is left in slot BEFORE and its squared norm in sums.
fn iterate(at: u32, slope: u32, size: f32, rate: f32) {
  let usable = along > 0 && finite(along);
  let source = select(slope, DIRECTION, usable);
  let per = select(rate, along, usable);
  let ratio = select(0.0, ${NUDGE} * size / per, per > 0);
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

/** What `begin` does more: power iterations at the start, whose slope has norm norms.y. */
export const firstIterations = /* wgsl */ `
  for (var i = 0; i < ${FIRST_ITERATIONS}; i++) {
    iterate(STATE, SLOPE, norms.x, norms.y);
    sync();
    keepDirection();
  }
  if (lane == 0) {
    track.evaluations += ${FIRST_ITERATIONS}u;
    setRadius(along / (${NUDGE} * norms.x));
  }`;

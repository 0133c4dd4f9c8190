/** WGSL of `begin()`: what is evaluated of a trajectory before its first step. */
import { each } from './each.wgsl.js';

/** Nothing: where no slope is carried from step to step. */
export const beginWithNothing = /* wgsl */ `
fn begin() {}
`;

/**
 * Evaluates the slope at the state, and sets the first step by it and by how it changes over a guessed step.
 * @param more WGSL of what else a trajectory begins with; norms.x is that of the state and norms.y of its slope
 */
export const beginBySlope = (more: string): string => /* wgsl */ `
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
  if (lane == 0) { setFirstStep(norms.x, norms.y, guess, sqrt(total().w) / guess); }
  ${more}
}
`;

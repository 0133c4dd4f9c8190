/**
 * WGSL of steps that are sized by their error, as in src/method/control.ts. Spans hold nothing and then, of every save
 * time, the normalized time from the one before; `track.time0` to `time3` count parts of the span.
 */
import { HIGH_ORDER, type Control } from '../../../src/method/control.js';
import type { Scheme } from '../../../src/method/schemes.js';
import { real } from '../../constants.js';

/** @param scheme one that estimates the errors of its steps */
export const errorText = (scheme: Scheme, { rtol, atol }: Extract<Control, { kind: 'error' }>): string => {
  const { errorOrder, mostStages } = scheme;
  const twoErrors = scheme.kind === 'runge-kutta' && scheme.tableau.lowErrorWeights !== null;
  return /* wgsl */ `
const ERROR_ORDER = ${real(errorOrder!)};
// Of float32: what is below it a division by may overflow.
const LEAST_ERROR_SCALE = 1e-37;
${
  mostStages === null
    ? ''
    : `// Largest step times spectral radius that the most stages are stable on.
const STABLE_STEP = STABILITY_USE * ${real(mostStages ** 2 - 1)} / STABILITY_STAGES;`
}

fn span() -> f32 { return word(spansAt + 1u + track.saves); }

fn timeWords() -> array<u32, 4> {
  return array<u32, 4>(track.time0, track.time1, track.time2, track.time3);
}

fn progress() -> vec3<u32> {
  var words = timeWords();
  var first = 0u;
  while (first < 3u && words[first] == 0u) { first++; }
  return vec3<u32>(words[first], select(0u, words[min(first + 1u, 3u)], first < 3u), first);
}

fn share() -> f32 {
  var words = timeWords();
  var sum = 0.0;
  for (var i = 4u; i > 0u; i--) { sum = (sum + f32(words[i - 1u])) * PER_UNIT; }
  return sum;
}

// 1 less the share, subtracted in integers.
fn remainingShare() -> f32 {
  var words = timeWords();
  var sum = 0.0;
  var borrow = 0u;
  for (var i = 4u; i > 0u; i--) {
    let digits = UNIT - words[i - 1u] - borrow;
    borrow = select(1u, 0u, digits == UNIT);
    sum = (sum + f32(digits % UNIT)) * PER_UNIT;
  }
  return f32(1u - borrow) + sum;
}

fn plan() {
  var proposal = track.proposal;
  ${mostStages === null ? '' : 'if (track.radius > 0) { proposal = min(proposal, STABLE_STEP / track.radius); }'}
  let left = remainingShare();
  let hit = left * span() <= proposal * (1 + HIT_SLACK);
  let part = select(${
    errorOrder! < HIGH_ORDER ? 'proposal / span()' : 'min(proposal / span(), left / 2)'
  }, left, hit);
  let h = part * span();
  next = Plan(true, h, part, hit, 0u, false, false, -1);
  ${
    mostStages === null
      ? ''
      : `next.stages = min(${mostStages}u,
    max(u32(LEAST_STAGES), 1u + u32(sqrt(1 + STABILITY_STAGES * h * track.radius))));
  next.iterates = (track.accepted + track.rejected + 1u) % u32(ITERATE_EVERY) == 0u;`
  }
}

// Moves on by the step's share of the span: exactly, but for digits below 2^-120.
fn advance(step: Plan) {
  if (step.hit) { return; }
  var words = timeWords();
  var digits = array<u32, 4>();
  var rest = step.share;
  for (var i = 0u; i < 4u; i++) {
    let scaled = rest * f32(UNIT);
    digits[i] = u32(scaled);
    rest = scaled - floor(scaled);
  }
  var carry = 0u;
  for (var i = 4u; i > 0u; i--) {
    let sum = words[i - 1u] + digits[i - 1u] + carry;
    carry = sum / UNIT;
    words[i - 1u] = sum % UNIT;
  }
  track.time0 = words[0] + carry * UNIT;
  track.time1 = words[1];
  track.time2 = words[2];
  track.time3 = words[3];
}

fn arrive() { track.elapsed += span(); }

fn firstGuess(size: f32, rate: f32) -> f32 {
  if (size > 0 && rate > 0) { return GUESS_CHANGE * size / rate; }
  return GUESS_STILL;
}

// Sets the first step, from norms of the state, its slope and how that changes over the guessed step.
fn setFirstStep(size: f32, rate: f32, guess: f32, curvature: f32) {
  track.peak = rate;
  track.evaluations = 2u;
  let largest = max(rate, curvature) / scaleOf(size);
  var step = max(START_FLAT_LEAST, guess * START_FLAT_FACTOR);
  if (finite(rate) && finite(curvature) && finite(largest) && largest > START_FLAT) {
    step = pow(${errorOrder! < HIGH_ORDER ? 'START_ERROR' : 'HIGH_START_ERROR'} / largest, 1 / (ERROR_ORDER + 1));
  }
  track.proposal = min(START_GROW_LIMIT * guess, step);
}

fn scaleOf(size: f32) -> f32 { return max(${real(atol)} + ${real(rtol)} * size, LEAST_ERROR_SCALE); }

${
  mostStages === null
    ? ''
    : `fn setRadius(measured: f32) {
  if (finite(measured)) { track.radius = max(RADIUS_SAFETY * measured, RADIUS_MEMORY * track.radius); }
}
`
}
// Sets the next step size by the error of the tried step; returns whether that is accepted.
fn decide(step: Plan, squares: vec4f, inRange: bool) -> bool {
  let norms = sqrt(squares);
  ${mostStages === null ? '' : 'if (step.iterates && inRange && squares.x > 0) { setRadius(norms.w / (NUDGE * norms.x)); }'}
  const exponent = 1 / ERROR_ORDER - BETA_SHARE * BETA;
${twoErrors ? errorOfTwo : ''}  let error = step.h * ${twoErrors ? 'estimated' : 'norms.z'} / scaleOf(norms.x);
  var factor = SHRINK_LIMIT;
  var accepted = false;
  if (inRange && finite(squares.z) && finite(error)) {
    accepted = error <= 1;
    if (error > 1) {
      factor = max(SHRINK_LIMIT, SAFETY * pow(error, -exponent));
    } else {
      var growth = GROW_LIMIT;
      if (error > 0) { growth = SAFETY * pow(error, -exponent) * pow(track.lastError, BETA); }
      factor = min(select(GROW_LIMIT, 1.0, track.afterRejection != 0u), max(SHRINK_LIMIT, growth));
      track.lastError = max(error, LEAST_LAST_ERROR);
    }
  }
  let proposal = step.h * factor;
  // A step that was cut at a save time says little about the next.
  track.proposal = select(proposal, max(track.proposal, proposal), accepted && step.hit);
  track.afterRejection = select(1u, 0u, accepted);
  return accepted;
}

fn outcomeOfRejection(inRange: bool) -> u32 {
  let resolution = select(EDGE_RESOLUTION, TIME_RESOLUTION, inRange);
  let least = max(SMALLEST_STEP, resolution * (track.elapsed + share() * span()));
  return select(0u, select(DIVERGED, STEP_TOO_SMALL, inRange), track.proposal < least);
}
`;
};

/** WGSL of the estimate that follows from two. */
const errorOfTwo = /* wgsl */ `  let share = LOW_SHARE * norms.w / norms.z;
  let estimated = select(0.0, norms.z / sqrt(1 + share * share), norms.z > 0);
`;

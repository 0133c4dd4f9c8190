/**
 * WGSL of the step-size control of adaptive methods, as in src/method/control.ts, and of a trajectory's place in time
 * between two save times under it.
 */
import type { Scheme } from '../../src/method/schemes.js';
import type { Outcome } from '../../src/method/outcome.js';
import { ITERATE_EVERY, NUDGE, type Control } from '../../src/method/control.js';

/** Spans hold nothing and then, of every save time, the normalized time from the one before. */
export const adaptiveText = (
  { errorOrder, mostStages }: Scheme,
  { rtol, atol }: Extract<Control, { kind: 'error' }>,
  code: (outcome: Outcome) => string,
): string => {
  const order = errorOrder!;
  return /* wgsl */ `
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

fn planStep() {
  var proposal = track.proposal;
  ${mostStages !== null ? `if (track.radius > 0) { proposal = min(proposal, ${stableLimit(mostStages)} / track.radius); }` : ''}
  let left = remainingShare();
  let hit = left * span() <= proposal * (1 + 1e-6);
  let part = select(proposal / span(), left, hit);
  let h = part * span();
  next = Plan(true, h, part, hit, 0u, false, false, -1);
  ${
    mostStages !== null
      ? `next.stages = min(${mostStages}u, max(2u, 1u + u32(sqrt(1 + 1.54 * h * track.radius))));
  next.iterates = (track.accepted + track.rejected + 1u) % ${ITERATE_EVERY}u == 0u;`
      : ''
  }
}

// Exact, but for digits below 2^-120.
fn advance(part: f32) {
  var words = timeWords();
  var digits = array<u32, 4>();
  var rest = part;
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
  if (size > 0 && rate > 0) { return 0.01 * size / rate; }
  return 1e-6;
}

// Sets the first step, from norms of the state, its slope and how that changes over the guessed step.
fn start(size: f32, rate: f32, guess: f32, curvature: f32) {
  track.peak = rate;
  track.evaluations = 2u;
  let largest = max(rate, curvature) / scaleOf(size);
  var step = max(1e-6, guess * 1e-3);
  if (finite(rate) && finite(curvature) && finite(largest) && largest > 1e-15) {
    step = pow(0.01 / largest, ${1 / (order + 1)});
  }
  track.proposal = min(100 * guess, step);
}

fn scaleOf(size: f32) -> f32 { return max(${atol} + ${rtol} * size, 1e-37); }

fn setRadius(found: f32) {
  if (finite(found)) { track.radius = max(1.1 * found, 0.9 * track.radius); }
}

// Sets the next step size by the error of the tried step; returns whether that is accepted.
fn control(plan: Plan, error: f32, usable: bool) -> bool {
  const exponent = ${1 / order - 0.75 * 0.04};
  var factor = 0.2;
  var accepted = false;
  if (usable && finite(error)) {
    accepted = error <= 1;
    if (error > 1) {
      factor = max(0.2, 0.9 * pow(error, -exponent));
    } else {
      var growth = 5.0;
      if (error > 0) { growth = 0.9 * pow(error, -exponent) * pow(track.lastError, 0.04); }
      factor = min(select(5.0, 1.0, track.afterRejection != 0u), max(0.2, growth));
      track.lastError = max(error, 1e-4);
    }
  }
  let proposal = plan.h * factor;
  track.proposal = select(proposal, max(track.proposal, proposal), accepted && plan.hit);
  track.afterRejection = select(1u, 0u, accepted);
  return accepted;
}

fn judge(plan: Plan) {
  let squares = total();
  let norms = sqrt(squares);
  let inRange = finite(squares.x) && finite(squares.y);
  ${
    mostStages !== null
      ? `track.evaluations += plan.stages + select(0u, 1u, plan.iterates);
  if (plan.iterates && inRange && squares.x > 0) { setRadius(norms.w / (${NUDGE} * norms.x)); }`
      : 'track.evaluations += EVALUATIONS;'
  }
  let error = plan.h * norms.z / scaleOf(norms.x);
  let accepted = control(plan, error, inRange && finite(squares.z));
  if (accepted) {
    took(plan, norms.y);
    if (!plan.hit) { advance(plan.share); }
  } else {
    let resolution = select(${2 ** -24}, 1e-12, inRange);
    if (track.proposal < max(1e-30, resolution * (track.elapsed + share() * span()))) {
      track.outcome = select(${code('diverged')}, ${code('step-too-small')}, inRange);
    }
  }
  finish(plan, accepted);
}
`;
};

/** Largest product of step and spectral radius that so many stages are stable on (stableStep at radius 1). */
const stableLimit = (stages: number): number => (0.999 * (stages ** 2 - 1)) / 1.54;

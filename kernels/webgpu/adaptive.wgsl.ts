/**
 * WGSL of the step-size control of adaptive methods, as in src/method/controller.ts, and of a trajectory's place in time
 * between two save times under it.
 */
import { estimateOrder, type AdaptiveMethod } from '../../src/method/method.js';
import type { Outcome } from '../../src/method/outcome.js';
import { ITERATE_EVERY, NUDGE } from '../../src/method/stabilized.js';

/** Spans hold nothing and then, of every save time, the normalized time from the one before. */
export const adaptiveText = (method: AdaptiveMethod, code: (outcome: Outcome) => string): string => {
  const order = estimateOrder(method);
  const stabilized = method.kind === 'stabilized';
  return /* wgsl */ `
fn span() -> f32 { return word(spansAt + 1u + track.saves); }

fn progress() -> vec2<u32> { return vec2<u32>(track.high, track.low); }

fn share() -> f32 { return (f32(track.high) + f32(track.low) * PER_UNIT) * PER_UNIT; }

fn remainingShare() -> f32 {
  let borrow = select(0u, 1u, track.low > 0u);
  return (f32(UNIT - track.high - borrow) + f32(borrow * UNIT - track.low) * PER_UNIT) * PER_UNIT;
}

fn planStep() {
  var proposal = track.proposal;
  ${stabilized ? `if (track.radius > 0) { proposal = min(proposal, ${stableLimit(method.mostStages)} / track.radius); }` : ''}
  let left = remainingShare();
  let hit = left * span() <= proposal * (1 + 1e-6);
  let part = select(proposal / span(), left, hit);
  let h = part * span();
  next = Plan(true, h, part, hit, 0u, false, false, -1);
  ${
    stabilized
      ? `next.stages = min(${method.mostStages}u, max(2u, 1u + u32(sqrt(1 + 1.54 * h * track.radius))));
  next.iterates = (track.accepted + track.rejected + 1u) % ${ITERATE_EVERY}u == 0u;`
      : ''
  }
}

// Exact: a float32 number below 1 has 24 bits, and those below 2^-60 are dropped.
fn advance(part: f32) {
  let scaled = part * f32(UNIT);
  let whole = floor(scaled);
  track.low += u32((scaled - whole) * f32(UNIT));
  track.high += u32(whole) + track.low / UNIT;
  track.low %= UNIT;
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

fn scaleOf(size: f32) -> f32 { return max(${method.atol} + ${method.rtol} * size, 1e-37); }

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
    stabilized
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

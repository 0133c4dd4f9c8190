/**
 * WGSL of one trajectory's place in time, its step-size control and its end, as in src/solver/track.ts and
 * src/method/controller.ts; one thread of the workgroup runs it. Time within the span between two save times is counted
 * in integers, in units of 2^-60 of the span (for fixed steps, in steps), so that no rounding adds up.
 */
import { ITERATE_EVERY, NUDGE } from '../../src/method/stabilized.js';
import { estimateOrder, type Method } from '../../src/method/method.js';
import { outcomes, type Outcome } from '../../src/method/outcome.js';

/** What the report and the memory hold of an outcome; 0 while a trajectory runs. */
const code = (outcome: Outcome): string => `${1 + Object.keys(outcomes).indexOf(outcome)}u`;

/** Fields of a track, in the order in which the memory holds them. */
const integers = ['outcome', 'saves', 'accepted', 'rejected', 'evaluations', 'high', 'low', 'afterRejection'];
const floats = ['elapsed', 'proposal', 'lastError', 'peak', 'radius'];
/** The words of a track in the memory, the norm of the direction last. */
export const TRACK_WORDS = integers.length + floats.length + 1;

export const controlText = (method: Method): string => common + ('step' in method ? fixed : adaptive(method));

const common = /* wgsl */ `
const UNIT = 1073741824u; // 2^30
const PER_UNIT = ${2 ** -30};

struct Track {
  ${integers.map((name) => `${name}: u32,`).join('\n  ')}
  // Normalized time of the last save time.
  ${floats.map((name) => `${name}: f32,`).join('\n  ')}
}
var<private> track: Track;
// Norm of a stabilized method's direction; all threads know it.
var<private> along: f32;

struct Plan {
  runs: bool,
  h: f32,
  // Of the span, where the step is not fixed.
  share: f32,
  // Whether it ends at the next save time.
  hit: bool,
  stages: u32,
  iterates: bool,
  // Of the step before: whether it is taken, and where it is saved (-1: nowhere).
  accepted: bool,
  save: i32,
}
var<workgroup> next: Plan;

// Compilers may take it that no number is infinite; its bits tell.
fn finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn word(i: u32) -> f32 { return bitcast<f32>(memory[i]); }

fn newTrack() {
  track.lastError = 1e-4;
  if (call.savesStart != 0) {
    track.saves = 1u;
    if (call.saves == 1u) { track.outcome = ${code('end-time')}; }
  }
}

fn readTrack() {
  var at = trackAt;
  ${integers.map((name) => `track.${name} = memory[at]; at++;`).join('\n  ')}
  ${[...floats.map((name) => `track.${name}`), 'along'].map((name) => `${name} = word(at); at++;`).join('\n  ')}
}

fn writeTrack() {
  var at = trackAt;
  ${integers.map((name) => `memory[at] = track.${name}; at++;`).join('\n  ')}
  ${[...floats.map((name) => `track.${name}`), 'along'].map((name) => `memory[at] = bitcast<u32>(${name}); at++;`).join('\n  ')}
  let entry = 6u * trajectory;
  report[entry] = i32(track.outcome);
  report[entry + 1u] = i32(track.saves);
  report[entry + 2u] = i32(track.accepted);
  report[entry + 3u] = i32(track.rejected);
  report[entry + 4u] = i32(track.evaluations);
  report[entry + 5u] = i32(progress());
}

fn took(plan: Plan, rate: f32) {
  track.accepted++;
  track.peak = max(track.peak, rate);
  if (call.steady >= 0 && rate <= call.steady * track.peak) { track.outcome = ${code('stationary')}; }
}

// Counts the try; at a save time that it took the trajectory to, records it. Then plans the next.
fn finish(plan: Plan, accepted: bool) {
  if (!accepted) { track.rejected++; }
  if (track.outcome == 0u && track.accepted + track.rejected >= call.maxSteps) {
    track.outcome = ${code('step-budget')};
  }
  var save = -1;
  if (accepted && plan.hit) {
    save = i32(track.saves);
    arrive();
    track.saves++;
    track.high = 0u;
    track.low = 0u;
    if (track.saves == call.saves && track.outcome != ${code('stationary')}) {
      track.outcome = ${code('end-time')};
    }
  }
  setNext();
  next.accepted = accepted;
  next.save = save;
}

fn setNext() {
  if (track.outcome == 0u) { planStep(); } else { next.runs = false; }
}
`;

/** Spans hold h and then, of every save time, the steps from the one before. Track.high counts steps. */
const fixed = /* wgsl */ `
fn stepsInSpan() -> u32 { return memory[spansAt + 1u + track.saves]; }

fn progress() -> u32 {
  if (track.saves == call.saves) { return 0u; }
  // high / steps in 30 bits, by long division.
  let steps = stepsInSpan();
  var rest = track.high;
  var bits = 0u;
  for (var i = 0; i < 30; i++) {
    rest *= 2u;
    bits *= 2u;
    if (rest >= steps) {
      rest -= steps;
      bits++;
    }
  }
  return bits;
}

fn planStep() {
  next = Plan(true, word(spansAt), 0.0, track.high + 1u >= stepsInSpan(), 0u, false, false, -1);
}

fn arrive() {}

fn judge(plan: Plan) {
  let squares = total();
  track.evaluations += EVALUATIONS;
  let accepted = finite(squares.x) && finite(squares.y);
  if (accepted) {
    took(plan, sqrt(squares.y));
    track.high++;
  } else {
    track.outcome = ${code('diverged')};
  }
  finish(plan, accepted);
}
`;

type Adaptive = Exclude<Method, { readonly step: number }>;

/** Spans hold nothing and then, of every save time, the normalized time from the one before. */
const adaptive = (method: Adaptive): string => {
  const order = estimateOrder(method);
  const stabilized = method.kind === 'stabilized';
  return /* wgsl */ `
fn span() -> f32 { return word(spansAt + 1u + track.saves); }

fn progress() -> u32 { return track.high; }

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

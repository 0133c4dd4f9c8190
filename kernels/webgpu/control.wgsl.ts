/**
 * WGSL of one trajectory's place in time and its end, as in src/method/track.ts; one thread of the workgroup runs it.
 * Time within the span between two save times is counted in integers, in units of 2^-120 of the span (for fixed steps,
 * in steps), so that no rounding adds up, and a step is told from none however long the span is.
 */
import type { Method } from '../../src/method/method.js';
import type { Outcome } from '../../src/method/outcome.js';
import { outcomeCodes, REPORT, report } from '../report.js';
import { adaptiveText } from './adaptive.wgsl.js';

/** What the report and the memory hold of an outcome; 0 while a trajectory runs. */
const code = (outcome: Outcome): string => `${outcomeCodes[outcome]}u`;

/**
 * Fields of a track, in the order in which the memory holds them: `time0` to `time3` (30 bits each, the highest first)
 * tell the time in the span, `elapsed` the normalized time of the span's start.
 */
const times = ['time0', 'time1', 'time2', 'time3'];
const integers = ['outcome', 'saves', 'accepted', 'rejected', 'evaluations', ...times, 'afterRejection'];
const floats = ['elapsed', 'proposal', 'lastError', 'peak', 'radius'];
/** The words of a track in the memory, the norm of the direction last. */
export const TRACK_WORDS = integers.length + floats.length + 1;

/** What the report says of a track. */
const reported: Readonly<Record<keyof typeof report, string>> = {
  outcome: 'track.outcome',
  saves: 'track.saves',
  accepted: 'track.accepted',
  rejected: 'track.rejected',
  evaluations: 'track.evaluations',
  progress: 'reached.x',
  progressRest: 'reached.y',
  progressZeros: 'reached.z',
};

export const controlText = ({ scheme, control }: Method): string =>
  common + (control.kind === 'fixed' ? fixed : adaptiveText(scheme, control, code));

const common = /* wgsl */ `
const UNIT = 1073741824u; // 2^30
const PER_UNIT = ${2 ** -30};

struct Track {
  ${integers.map((name) => `${name}: u32,`).join('\n  ')}
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
  let entry = ${REPORT}u * trajectory;
  let reached = progress();
  ${Object.entries(reported)
    .map(([name, value]) => `report[entry + ${report[name as keyof typeof reported]}u] = i32(${value});`)
    .join('\n  ')}
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
    ${times.map((name) => `track.${name} = 0u;`).join('\n    ')}
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

/** Spans hold h and then, of every save time, the steps from the one before. Track.time0 counts steps. */
const fixed = /* wgsl */ `
fn stepsInSpan() -> u32 { return memory[spansAt + 1u + track.saves]; }

fn progress() -> vec3<u32> {
  if (track.saves == call.saves) { return vec3<u32>(); }
  // time0 / steps in 60 binary digits, by long division.
  let steps = stepsInSpan();
  var rest = track.time0;
  var digits = vec2<u32>();
  for (var i = 0; i < 60; i++) {
    rest *= 2u;
    digits[i / 30] *= 2u;
    if (rest >= steps) {
      rest -= steps;
      digits[i / 30]++;
    }
  }
  return vec3<u32>(digits, 0u);
}

fn planStep() {
  next = Plan(true, word(spansAt), 0.0, track.time0 + 1u >= stepsInSpan(), 0u, false, false, -1);
}

fn arrive() {}

fn judge(plan: Plan) {
  let squares = total();
  track.evaluations += EVALUATIONS;
  let accepted = finite(squares.x) && finite(squares.y);
  if (accepted) {
    took(plan, sqrt(squares.y));
    track.time0++;
  } else {
    track.outcome = ${code('diverged')};
  }
  finish(plan, accepted);
}
`;

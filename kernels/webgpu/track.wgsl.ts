/**
 * WGSL of one trajectory's place in time and its end, as in src/method/track.ts; one thread of the workgroup runs it.
 * Time within the span between two save times is counted in integers, in units of 2^-120 of the span (for fixed steps,
 * in steps), so that no rounding adds up, and a step is told from none however long the span is.
 */
import { constantName } from '../constants.js';
import { DIGITS, outcomeCodes, REPORT, report } from '../report.js';

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

/**
 * WGSL of a track and of what is decided of every step. The control (controls/) says how a step is planned and whether
 * it is accepted, and counts the time between save times.
 */
export const trackText = /* wgsl */ `
const UNIT = ${DIGITS}u;
const PER_UNIT = ${1 / DIGITS};
// Codes of outcomes; 0 while a trajectory runs.
${Object.entries(outcomeCodes)
  .map(([name, code]) => `const ${constantName(name)} = ${code}u;`)
  .join('\n')}

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
  // Of the step before: whether it is accepted, and where it is saved (-1: nowhere).
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
  track.lastError = LEAST_LAST_ERROR;
  if (call.savesStart != 0) {
    track.saves = 1u;
    if (call.saves == 1u) { track.outcome = END_TIME; }
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

// Accepts the step that was tried or rejects it, counts the try, and plans the next.
fn judge(step: Plan) {
  let squares = total();
  let inRange = finite(squares.x) && finite(squares.y);
  track.evaluations += EVALUATIONS + step.stages + select(0u, 1u, step.iterates);
  let accepted = decide(step, squares, inRange);
  if (accepted) {
    let rate = sqrt(squares.y);
    track.accepted++;
    track.peak = max(track.peak, rate);
    if (call.steady >= 0 && rate <= call.steady * track.peak) { track.outcome = STATIONARY; }
    advance(step);
  } else {
    track.rejected++;
    track.outcome = outcomeOfRejection(inRange);
  }
  if (track.outcome == 0u && track.accepted + track.rejected >= call.maxSteps) { track.outcome = STEP_BUDGET; }
  var reached = -1;
  if (accepted && step.hit) { reached = save(); }
  planNext();
  next.accepted = accepted;
  next.save = reached;
}

// Counts the save time that the trajectory is at, and returns its index; the last is the end, unless it ended by itself.
fn save() -> i32 {
  let reached = track.saves;
  arrive();
  track.saves++;
  ${times.map((name) => `track.${name} = 0u;`).join('\n  ')}
  if (track.saves == call.saves && track.outcome != STATIONARY) { track.outcome = END_TIME; }
  return i32(reached);
}

fn planNext() {
  if (track.outcome == 0u) { plan(); } else { next.runs = false; }
}
`;

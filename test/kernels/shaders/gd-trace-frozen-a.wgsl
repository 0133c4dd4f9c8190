const LEAST_LAST_ERROR = 0.0001;

const N = 4u;
const M = 4u;
const RANK = 2u;
const THREADS = 4u;
const ROWS_X = 4u;
const ROWS = 8u;
const QUADS = 1u;
const PARTS = 2u;
const SIZE = ROWS * QUADS;
const STATE = 0u * SIZE;
const NEXT = 1u * SIZE;
const SLOPE = 2u * SIZE;
const METHOD = 1u;
const DECAY = 1u;
const EVALUATIONS = 1u;

struct Call {
  first: u32,
  steps: u32,
  resumes: u32,
  saves: u32,
  savesStart: u32,
  maxSteps: u32,
  steady: f32,
  // Words of the spans of all trajectories, which the tracks follow.
  spans: u32,
}
@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> saved: array<f32>;
@group(0) @binding(4) var<storage, read_write> memory: array<u32>;
@group(0) @binding(5) var<storage, read_write> report: array<i32>;

var<workgroup> vectors: array<vec4f, 24>;
var<workgroup> grams: array<vec4f, 24>;
var<workgroup> sums: array<vec4f, THREADS>;

var<private> lane: u32;
var<private> trajectory: u32;
var<private> spansAt: u32;
var<private> trackAt: u32;
var<private> sliceAt: u32;

fn vector(i: u32) -> vec4f { return vectors[i]; }
fn setVector(i: u32, value: vec4f) { vectors[i] = value; }
fn gram(i: u32) -> vec4f { return grams[i]; }
fn setGram(i: u32, value: vec4f) { grams[i] = value; }
fn sync() {
  
  workgroupBarrier();
}

fn total() -> vec4f {
  var sum = vec4f();
  for (var i = 0u; i < THREADS; i++) { sum += sums[i]; }
  return sum;
}

var<workgroup> overlaps: array<f32, THREADS>;

fn descent(source: u32, to: u32, start: u32, end: u32) {
  sync();
  var overlap = 0.0;
  for (var quad = lane; quad < ROWS_X * QUADS; quad += THREADS) {
    overlap += dot(vector(source + quad), vector(source + ROWS_X * QUADS + quad));
  }
  overlaps[lane] = overlap;
  sync();
  var p = table[0];
  for (var i = 0u; i < THREADS; i++) { p += overlaps[i]; }
  for (var row = start + lane; row < end; row += THREADS) {
    let other = select(row - ROWS_X, row + ROWS_X, row < ROWS_X);
    for (var quad = 0u; quad < QUADS; quad++) {
      setVector(to + row * QUADS + quad, -p * vector(source + other * QUADS + quad)
        - table[DECAY + select(1u, 0u, row < ROWS_X)] * vector(source + row * QUADS + quad));
    }
  }
}


fn derivative(source: u32, to: u32, start: u32, end: u32) {
  descent(source, to, max(start, 0u), min(end, ROWS_X));
  for (var row = max(start, ROWS_X) + lane; row < min(end, ROWS); row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) { setVector(to + quad, vec4f()); }
  }
}


const UNIT = 1073741824u;
const PER_UNIT = 9.313225746154785e-10;
// Codes of outcomes; 0 while a trajectory runs.
const END_TIME = 1u;
const STATIONARY = 2u;
const DIVERGED = 3u;
const STEP_TOO_SMALL = 4u;
const STEP_BUDGET = 5u;
const LOSS_NOT_FINITE = 6u;

struct Track {
  outcome: u32,
  saves: u32,
  accepted: u32,
  rejected: u32,
  evaluations: u32,
  time0: u32,
  time1: u32,
  time2: u32,
  time3: u32,
  afterRejection: u32,
  elapsed: f32,
  proposal: f32,
  lastError: f32,
  peak: f32,
  radius: f32,
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
  track.outcome = memory[at]; at++;
  track.saves = memory[at]; at++;
  track.accepted = memory[at]; at++;
  track.rejected = memory[at]; at++;
  track.evaluations = memory[at]; at++;
  track.time0 = memory[at]; at++;
  track.time1 = memory[at]; at++;
  track.time2 = memory[at]; at++;
  track.time3 = memory[at]; at++;
  track.afterRejection = memory[at]; at++;
  track.elapsed = word(at); at++;
  track.proposal = word(at); at++;
  track.lastError = word(at); at++;
  track.peak = word(at); at++;
  track.radius = word(at); at++;
  along = word(at); at++;
}

fn writeTrack() {
  var at = trackAt;
  memory[at] = track.outcome; at++;
  memory[at] = track.saves; at++;
  memory[at] = track.accepted; at++;
  memory[at] = track.rejected; at++;
  memory[at] = track.evaluations; at++;
  memory[at] = track.time0; at++;
  memory[at] = track.time1; at++;
  memory[at] = track.time2; at++;
  memory[at] = track.time3; at++;
  memory[at] = track.afterRejection; at++;
  memory[at] = bitcast<u32>(track.elapsed); at++;
  memory[at] = bitcast<u32>(track.proposal); at++;
  memory[at] = bitcast<u32>(track.lastError); at++;
  memory[at] = bitcast<u32>(track.peak); at++;
  memory[at] = bitcast<u32>(track.radius); at++;
  memory[at] = bitcast<u32>(along); at++;
  let entry = 8u * trajectory;
  let reached = progress();
  report[entry + 0u] = i32(track.outcome);
  report[entry + 1u] = i32(track.saves);
  report[entry + 2u] = i32(track.accepted);
  report[entry + 3u] = i32(track.rejected);
  report[entry + 4u] = i32(track.evaluations);
  report[entry + 5u] = i32(reached.x);
  report[entry + 6u] = i32(reached.y);
  report[entry + 7u] = i32(reached.z);
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
  track.time0 = 0u;
  track.time1 = 0u;
  track.time2 = 0u;
  track.time3 = 0u;
  if (track.saves == call.saves && track.outcome != STATIONARY) { track.outcome = END_TIME; }
  return i32(reached);
}

fn planNext() {
  if (track.outcome == 0u) { plan(); } else { next.runs = false; }
}


fn stepsInSpan() -> u32 { return memory[spansAt + 1u + track.saves]; }

fn progress() -> vec3<u32> {
  if (track.saves == call.saves) { return vec3<u32>(); }
  // time0 / steps in two words of binary digits, by long division.
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

fn plan() {
  next = Plan(true, word(spansAt), 0.0, track.time0 + 1u >= stepsInSpan(), 0u, false, false, -1);
}

fn decide(step: Plan, squares: vec4f, inRange: bool) -> bool { return inRange; }

fn advance(step: Plan) { track.time0++; }

fn arrive() {}

fn outcomeOfRejection(inRange: bool) -> u32 { return DIVERGED; }



fn begin() {}

fn attempt(step: Plan) {
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(NEXT + quad, vector(STATE + quad));
    }
  }
  derivative(NEXT, SLOPE, 0u, ROWS);
  for (var row = 0u + lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(NEXT + quad, vector(STATE + quad) + step.h * vector(SLOPE + quad));
    }
  }
  var own = vec4f();
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      let z = vector(NEXT + quad);
      let slope = vector(SLOPE + quad);
      own += vec4f(dot(z, z), dot(slope, slope), 0, 0);
    }
  }
  sums[lane] = own;
}

fn accept(step: Plan) {
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(STATE + quad, vector(NEXT + quad));
    }
  }
}

// Rows of a factor where it is held in full: -1 for those of zeros.
fn rowOf(row: u32) -> i32 {
  if (row < ROWS_X) { return select(-1, i32(row), row < N); }
  return select(-1, i32(row - ROWS_X + N), row - ROWS_X < M);
}

fn readState() {
  for (var row = lane; row < ROWS; row += THREADS) {
    let at = rowOf(row);
    for (var quad = 0u; quad < QUADS; quad++) {
      var value = vec4f();
      for (var i = 0u; i < 4u; i++) {
        let column = 4u * quad + i;
        if (at >= 0 && column < RANK) {
          value[i] = state[(trajectory * (N + M) + u32(at)) * RANK + column];
        }
      }
      setVector(STATE + row * QUADS + quad, value);
    }
  }
}

fn writeState(save: i32) {
  for (var row = lane; row < ROWS; row += THREADS) {
    let at = rowOf(row);
    for (var column = 0u; at >= 0 && column < RANK; column++) {
      let value = vector(STATE + row * QUADS + column / 4u)[column % 4u];
      if (save < 0) {
        state[(trajectory * (N + M) + u32(at)) * RANK + column] = value;
      } else {
        saved[((trajectory * call.saves + u32(save)) * (N + M) + u32(at)) * RANK + column] = value;
      }
    }
  }
}

fn readCarried(slot: u32, source: u32) {
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      let at = source + 4u * quad;
      setVector(slot + quad, vec4f(word(at), word(at + 1u), word(at + 2u), word(at + 3u)));
    }
  }
}

fn writeCarried(slot: u32, source: u32) {
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      let bits = bitcast<vec4u>(vector(slot + quad));
      for (var i = 0u; i < 4u; i++) { memory[source + 4u * quad + i] = bits[i]; }
    }
  }
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  lane = thread;
  trajectory = call.first + group.x;
  sliceAt = group.x * 0u;
  spansAt = trajectory * (1u + call.saves);
  trackAt = call.spans + trajectory * 16u;
  if (call.resumes == 0u) {
    readState();
    begin();
    if (lane == 0) { newTrack(); }
    if (call.savesStart != 0u) { writeState(0); }
  } else {
    readTrack();
  }
  if (lane == 0) { planNext(); }
  var step = workgroupUniformLoad(&next);
  if (call.resumes != 0u) {
    if (!step.runs) {
      if (lane == 0) { writeTrack(); }
      return;
    }
    readState();
    
  }
  for (var tries = 0u; step.runs && tries < call.steps; tries++) {
    attempt(step);
    sync();
    if (lane == 0) { judge(step); }
    let following = workgroupUniformLoad(&next);
    if (following.accepted) { accept(step); }
    if (following.save >= 0) { writeState(following.save); }
    step = following;
  }
  writeState(-1);
  
  if (lane == 0) { writeTrack(); }
}

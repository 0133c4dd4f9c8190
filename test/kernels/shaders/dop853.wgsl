const SAFETY = 0.9;
const SHRINK_LIMIT = 0.2;
const GROW_LIMIT = 5.0;
const BETA = 0.04;
const BETA_SHARE = 0.75;
const LEAST_LAST_ERROR = 0.0001;
const GUESS_CHANGE = 0.01;
const GUESS_STILL = 0.000001;
const HIGH_START_ERROR = 1.0;
const START_FLAT = 1e-15;
const START_FLAT_FACTOR = 0.001;
const START_FLAT_LEAST = 0.000001;
const START_GROW_LIMIT = 100.0;
const HIT_SLACK = 0.000001;
const TIME_RESOLUTION = 1e-12;
const EDGE_RESOLUTION = 5.960464477539063e-8;
const SMALLEST_STEP = 1e-30;
const LOW_SHARE = 0.1;

const N = 3u;
const M = 5u;
const RANK = 2u;
const THREADS = 4u;
const ROWS_X = 4u;
const ROWS = 12u;
const QUADS = 1u;
const PARTS = 2u;
const SIZE = ROWS * QUADS;
const STATE = 0u * SIZE;
const NEXT = 1u * SIZE;
const SLOPE = 2u * SIZE;
const SLOPE1 = 3u * SIZE;
const SLOPE2 = 4u * SIZE;
const SLOPE3 = 5u * SIZE;
const SLOPE4 = 6u * SIZE;
const SLOPE5 = 7u * SIZE;
const SLOPE6 = 8u * SIZE;
const SLOPE7 = 9u * SIZE;
const SLOPE8 = 10u * SIZE;
const SLOPE9 = 11u * SIZE;
const SLOPE10 = 12u * SIZE;
const SLOPE11 = 13u * SIZE;
const SLOPE12 = 14u * SIZE;
const METHOD = 12u;
const EVALUATIONS = 12u;

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

var<workgroup> vectors: array<vec4f, 180>;
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

// Gram matrices X^T X and Y^T Y in tiles of 4 x 4: of tile (a, b), the rows 4 a to 4 a + 3 and columns of quad b.
const TILES = 2u * QUADS * QUADS;
const GRAM_QUADS = 4u * TILES;

fn sumGrams(source: u32) {
  for (var task = lane; task < TILES * PARTS; task += THREADS) {
    let tile = task / PARTS;
    let part = task % PARTS;
    let ofY = tile >= TILES / 2u;
    let a = (tile / QUADS) % QUADS;
    let b = tile % QUADS;
    let rows = select(ROWS_X, ROWS - ROWS_X, ofY);
    let share = (rows + PARTS - 1u) / PARTS;
    let begin = select(0u, ROWS_X, ofY) + part * share;
    let end = min(begin + share, select(ROWS_X, ROWS, ofY));
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var row = begin; row < end; row++) {
      let u = vector(source + row * QUADS + a);
      let v = vector(source + row * QUADS + b);
      s0 += u.x * v;
      s1 += u.y * v;
      s2 += u.z * v;
      s3 += u.w * v;
    }
    setGram(4u * task, s0);
    setGram(4u * task + 1u, s1);
    setGram(4u * task + 2u, s2);
    setGram(4u * task + 3u, s3);
  }
  sync();
  for (var quad = lane; quad < GRAM_QUADS; quad += THREADS) {
    var sum = vec4f();
    for (var part = 0u; part < PARTS; part++) {
      sum += gram(((quad / 4u) * PARTS + part) * 4u + quad % 4u);
    }
    setGram(GRAMS + quad, sum);
  }
}

fn descent(source: u32, to: u32, start: u32, end: u32) {
  sync();
  sumGrams(source);
  sync();
  for (var row = start + lane; row < end; row += 1u * THREADS) {
    let ofX = row < ROWS_X;
    let other = select(source + (row - ROWS_X) * QUADS, source + (row + ROWS_X) * QUADS, ofX);
    let grams = GRAMS + select(0u, GRAM_QUADS / 2u, ofX);
    let row0 = source + (row + 0u * THREADS) * QUADS;
    for (var b = 0u; b < QUADS; b++) {
      var out0 = vec4f();
      for (var a = 0u; a < QUADS; a++) {
        let tile = grams + 4u * (a * QUADS + b);
        let g0 = gram(tile);
        let g1 = gram(tile + 1u);
        let g2 = gram(tile + 2u);
        let g3 = gram(tile + 3u);
        let z0 = vector(row0 + a);
        out0 -= z0.x * g0 + z0.y * g1 + z0.z * g2 + z0.w * g3;
      }
      let sigma0 = table[row + 0u * THREADS];
      if (sigma0 != 0) { out0 += sigma0 * vector(other + 0u * THREADS * QUADS + b); }
      setVector(to + (row + 0u * THREADS) * QUADS + b, out0);
    }
  }
}
const GRAMS = GRAM_QUADS * PARTS;


fn derivative(source: u32, to: u32, start: u32, end: u32) { descent(source, to, start, end); }


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


const ERROR_ORDER = 8.0;
// Of float32: what is below it a division by may overflow.
const LEAST_ERROR_SCALE = 1e-37;


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
  
  let left = remainingShare();
  let hit = left * span() <= proposal * (1 + HIT_SLACK);
  let part = select(min(proposal / span(), left / 2), left, hit);
  let h = part * span();
  next = Plan(true, h, part, hit, 0u, false, false, -1);
  
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
    step = pow(HIGH_START_ERROR / largest, 1 / (ERROR_ORDER + 1));
  }
  track.proposal = min(START_GROW_LIMIT * guess, step);
}

fn scaleOf(size: f32) -> f32 { return max(1e-8 + 0.0001 * size, LEAST_ERROR_SCALE); }


// Sets the next step size by the error of the tried step; returns whether that is accepted.
fn decide(step: Plan, squares: vec4f, inRange: bool) -> bool {
  let norms = sqrt(squares);
  
  const exponent = 1 / ERROR_ORDER - BETA_SHARE * BETA;
  let share = LOW_SHARE * norms.w / norms.z;
  let estimated = select(0.0, norms.z / sqrt(1 + share * share), norms.z > 0);
  let error = step.h * estimated / scaleOf(norms.x);
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


const STAGES = 13u;

fn combined(coefficients: u32, count: u32, quad: u32) -> vec4f {
  var sum = vec4f();
  for (var j = 0u; j < count; j++) {
    let weight = table[METHOD + coefficients + j];
    if (weight != 0) { sum += weight * vector(SLOPE + j * SIZE + quad); }
  }
  return sum;
}

fn attempt(step: Plan) {
  for (var stage = 1u; stage < STAGES; stage++) {
    if (stage > 0) {
      for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(NEXT + quad, vector(STATE + quad) + step.h * combined(stage * STAGES, stage, quad));
    }
  }
    }
    derivative(select(NEXT, STATE, stage == 0), SLOPE + stage * SIZE, 0u, ROWS);
  }
  var own = vec4f();
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      let z = vector(NEXT + quad);
      let slope = vector(SLOPE + 12u * SIZE + quad);
      let error = combined((STAGES + 1u) * STAGES, STAGES, quad);
      let low = combined((STAGES + 2u) * STAGES, STAGES, quad);
      own += vec4f(dot(z, z), dot(slope, slope), dot(error, error), dot(low, low));
    }
  }
  sums[lane] = own;
}

fn accept(step: Plan) {
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(STATE + quad, vector(NEXT + quad));
      setVector(SLOPE + quad, vector(SLOPE + 12u * SIZE + quad));
    }
  }
}

fn begin() {
  derivative(STATE, SLOPE, 0u, ROWS);
  var own = vec4f();
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      let z = vector(STATE + quad);
      let slope = vector(SLOPE + quad);
      own += vec4f(dot(z, z), dot(slope, slope), 0, 0);
    }
  }
  sums[lane] = own;
  sync();
  let norms = sqrt(total());
  let guess = firstGuess(norms.x, norms.y);
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      setVector(NEXT + quad, vector(STATE + quad) + guess * vector(SLOPE + quad));
    }
  }
  derivative(NEXT, SLOPE + SIZE, 0u, ROWS);
  for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      let change = vector(SLOPE + SIZE + quad) - vector(SLOPE + quad);
      own.w += dot(change, change);
    }
  }
  sums[lane] = own;
  sync();
  if (lane == 0) { setFirstStep(norms.x, norms.y, guess, sqrt(total().w) / guess); }
  
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
  trackAt = call.spans + trajectory * 64u;
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
    readCarried(SLOPE, trackAt + 16u + 0u * SIZE);
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
  writeCarried(SLOPE, trackAt + 16u + 0u * SIZE);
  if (lane == 0) { writeTrack(); }
}

/** The kernel: advances trajectories, one after another, by many steps each. What it is told comes first. */
import {
  begin,
  countSave,
  hit,
  judge,
  plan,
  progress,
  savesAtStart,
  useControl,
  useStop,
  Track,
} from './control';
import { useStructure } from './flow';
import {
  accept,
  direction,
  errorRate,
  keepsDirection,
  radius,
  rate,
  size,
  start,
  state,
  takeUp,
  tryStep,
  useMethod,
} from './methods';
import { SIZE } from './real';
import { bytesOfState, m, n, pack, rank, stateBytes, unpack, useShape } from './shape';
import { useTerms } from './vectors';

export { bytesOfState, useControl, useMethod, useShape, useStop, useStructure, useTerms };

/** Bytes of a track in the memory; a direction may follow. */
const TRACK: usize = 96;
const REPORT: usize = 32;
/** 2^30. */
const DIGITS: f64 = 1073741824;
const MOST_ZEROS: i32 = 36;

/** Bytes of the memory of a trajectory, with the shape and method in use. */
export function bytesOfMemory(): usize {
  return TRACK + (keepsDirection() ? stateBytes : 0);
}

/**
 * @param clocks [batch], float64
 * @param states [batch, (n + m) rank]
 * @param saved [batch, saves, (n + m) rank]
 * @param kept [batch, bytesOfMemory()]: the memory; filled if `resumes`
 * @param reports int32 [batch, 8]
 * @param steps most steps of all trajectories together
 */
export function advance(
  batch: i32,
  clocks: usize,
  states: usize,
  saved: usize,
  saves: i32,
  kept: usize,
  resumes: bool,
  reports: usize,
  steps: i32,
): void {
  const rowBytes = SIZE * (n + m) * rank;
  for (let i = 0; i < batch; i++) {
    const clock = load<f64>(clocks + 8 * i);
    const track = changetype<Track>(kept);
    if (!resumes) begin(track, clock);
    if (track.outcome == 0 && steps > 0) {
      pack(state, states);
      if (track.started != 0 && keepsDirection()) memory.copy(direction, kept + TRACK, stateBytes);
      steps -= run(track, clock, saved, rowBytes, steps);
      unpack(states, state);
      if (keepsDirection()) memory.copy(kept + TRACK, direction, stateBytes);
    }
    tell(reports, track, clock);
    states += rowBytes;
    saved += saves * rowBytes;
    kept += bytesOfMemory();
    reports += REPORT;
  }
}

/** Advances a trajectory by so many steps at most; returns how many it tried. */
function run(track: Track, clock: f64, saved: usize, rowBytes: usize, steps: i32): i32 {
  const starts = track.started == 0;
  track.started = 1;
  if (starts && savesAtStart()) save(track, saved, rowBytes);
  takeUp();
  if (starts) start(track);
  let tries = 0;
  for (; tries < steps && track.outcome == 0; tries++) {
    plan(track, clock);
    tryStep();
    if (!judge(track, clock, size, rate, errorRate, radius)) continue;
    accept();
    if (hit) save(track, saved, rowBytes);
  }
  return tries;
}

function save(track: Track, saved: usize, rowBytes: usize): void {
  unpack(saved + <usize>track.saves * rowBytes, state);
  countSave(track);
}

/** Writes the report on a trajectory, in the order of kernels/fused.ts. */
function tell(at: usize, track: Track, clock: f64): void {
  store<i32>(at, <i32>track.outcome);
  store<i32>(at, <i32>track.saves, 4);
  store<i32>(at, <i32>track.accepted, 8);
  store<i32>(at, <i32>track.rejected, 12);
  store<i32>(at, <i32>track.evaluations, 16);
  let digits = DIGITS * progress(track, clock);
  let zeros = 0;
  for (; digits > 0 && digits < 1 && zeros < MOST_ZEROS; zeros++) digits *= DIGITS;
  store<i32>(at, <i32>floor(digits), 20);
  store<i32>(at, <i32>nearest(DIGITS * (digits - floor(digits))), 24);
  store<i32>(at, zeros, 28);
}

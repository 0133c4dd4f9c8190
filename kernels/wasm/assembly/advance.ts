/**
 * The kernel: advances trajectories, one after another, by many steps each. Its one argument is the address of the
 * parameter block. What is imported from ./generated the build writes (kernels/wasm/generators).
 */
import { accept, attempt, begin, errorRate, keepsDirection, radius, rate, resume, size } from './attempt';
import { DIGITS, MOST_ZEROS, Report, REPORT_BYTES } from './generated/constants';
import { checkParameters, checkTrack, Track } from './generated/layout';
import { parameters, useParameters } from './parameters';
import { SIZE } from './real';
import { m, movingBytes, n, pack, rank, stateBytes, unpack, useShape } from './shape';
import { direction, holdFrozen, state, useSlots } from './slots';
import { countSave, hit, judge, newTrack, plan, progress, savesAtStart } from './track';
import { useTerms } from './vectors';

export function advance(block: usize): void {
  checkParameters();
  checkTrack();
  useParameters(block);
  useShape();
  useSlots();
  useTerms();
  const rowBytes = SIZE * (n + m) * rank;
  const batch = parameters.batch;
  let steps = parameters.steps;
  let states = parameters.states;
  let saved = parameters.saved;
  let reports = parameters.reports;
  let at = parameters.tracks;
  for (let i = 0; i < batch; i++) {
    const clock = load<f64>(parameters.clocks + 8 * i);
    const track = changetype<Track>(at);
    const held = at + offsetof<Track>();
    if (!parameters.resumes) newTrack(track, clock);
    if (track.outcome == 0 && steps > 0) {
      pack(state, states);
      if (movingBytes != stateBytes) holdFrozen();
      if (track.started != 0 && keepsDirection()) memory.copy(direction, held, stateBytes);
      steps -= run(track, clock, saved, rowBytes, steps);
      unpack(states, state);
      if (keepsDirection()) memory.copy(held, direction, stateBytes);
    }
    report(reports, track, clock);
    states += rowBytes;
    saved += parameters.saves * rowBytes;
    at += parameters.trackBytes;
    reports += REPORT_BYTES;
  }
}

/** Advances a trajectory by so many steps at most; returns how many it tried. */
function run(track: Track, clock: f64, saved: usize, rowBytes: usize, steps: i32): i32 {
  const starts = track.started == 0;
  track.started = 1;
  if (starts && savesAtStart()) save(track, saved, rowBytes);
  resume();
  if (starts) begin(track);
  let tries = 0;
  for (; tries < steps && track.outcome == 0; tries++) {
    plan(track, clock);
    attempt();
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

/** Writes the report on a trajectory (kernels/report.ts). */
function report(at: usize, track: Track, clock: f64): void {
  store<i32>(at, <i32>track.outcome, 4 * Report.OUTCOME);
  store<i32>(at, <i32>track.saves, 4 * Report.SAVES);
  store<i32>(at, <i32>track.accepted, 4 * Report.ACCEPTED);
  store<i32>(at, <i32>track.rejected, 4 * Report.REJECTED);
  store<i32>(at, <i32>track.evaluations, 4 * Report.EVALUATIONS);
  let digits = DIGITS * progress(track, clock);
  let zeros = 0;
  for (; digits > 0 && digits < 1 && zeros < MOST_ZEROS; zeros++) digits *= DIGITS;
  store<i32>(at, <i32>floor(digits), 4 * Report.PROGRESS);
  store<i32>(at, <i32>nearest(DIGITS * (digits - floor(digits))), 4 * Report.PROGRESS_REST);
  store<i32>(at, zeros, 4 * Report.PROGRESS_ZEROS);
}

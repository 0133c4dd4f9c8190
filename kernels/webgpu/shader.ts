/** WGSL of the whole kernel: one workgroup per trajectory, as many steps of it as one call may take. */
import type { AdvanceTask } from '../fused.js';
import { isDecaying } from '../../src/flow/motion.js';
import { evaluationsOf } from '../../src/method/method.js';
import { controlNumbers, real } from '../constants.js';
import { controlText } from './controls.js';
import { flowText } from './flow.wgsl.js';
import { sliceSize, type Layout } from './layout.js';
import { carriedSlots, schemeCoefficients, schemeText } from './schemes.js';
import { shaderOf } from './structures.js';
import { TRACK_WORDS, trackText } from './track.wgsl.js';
import { trackWords } from './words.js';

/**
 * WGSL of the kernel for a structure, a method, a motion and a layout.
 * @param numbers of the control, by name: those whose names are in the text become constants of it
 */
export function shaderText(
  attrs: Pick<AdvanceTask, 'structure' | 'method' | 'motion'>,
  layout: Layout,
  numbers: Readonly<Record<string, number>> = controlNumbers,
): string {
  const text = kernelText(attrs, layout);
  const used = Object.entries(numbers).filter(([name]) => new RegExp(`\\b${name}\\b`).test(text));
  // Abstract numbers: they are rounded to float32 where they meet one.
  return used.map(([name, value]) => `const ${name} = ${real(value)};\n`).join('') + text;
}

function kernelText(attrs: Pick<AdvanceTask, 'structure' | 'method' | 'motion'>, layout: Layout): string {
  const { n, m, rank, threads, rowsX, rows, quads, parts, slots, vectorsSize, gramsSize } = layout;
  const { vectorsInside, gramsInside } = layout;
  const { structure, method, motion } = attrs;
  const [inTable, ofMethod] = [
    shaderOf(structure).table(structure, layout).length,
    schemeCoefficients(method).length,
  ];
  const sliced = !(vectorsInside && gramsInside);
  const carried = carriedSlots(method);
  return /* wgsl */ `
const N = ${n}u;
const M = ${m}u;
const RANK = ${rank}u;
const THREADS = ${threads}u;
const ROWS_X = ${rowsX}u;
const ROWS = ${rows}u;
const QUADS = ${quads}u;
const PARTS = ${parts}u;
const SIZE = ROWS * QUADS;
${slots.map((name, i) => `const ${name} = ${i}u * SIZE;`).join('\n')}
const METHOD = ${inTable}u;
${isDecaying(motion) ? `const DECAY = ${inTable + ofMethod}u;\n` : ''}const EVALUATIONS = ${evaluationsOf(method, 0, false)}u;

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
${sliced ? `@group(0) @binding(6) var<storage, read_write> slices: array<vec4f>;` : ''}
${vectorsInside ? `var<workgroup> vectors: array<vec4f, ${vectorsSize}>;` : ''}
${gramsInside ? `var<workgroup> grams: array<vec4f, ${gramsSize}>;` : ''}
var<workgroup> sums: array<vec4f, THREADS>;

var<private> lane: u32;
var<private> trajectory: u32;
var<private> spansAt: u32;
var<private> trackAt: u32;
var<private> sliceAt: u32;

${
  vectorsInside
    ? `fn vector(i: u32) -> vec4f { return vectors[i]; }
fn setVector(i: u32, value: vec4f) { vectors[i] = value; }`
    : `fn vector(i: u32) -> vec4f { return slices[sliceAt + i]; }
fn setVector(i: u32, value: vec4f) { slices[sliceAt + i] = value; }`
}
${
  gramsInside
    ? `fn gram(i: u32) -> vec4f { return grams[i]; }
fn setGram(i: u32, value: vec4f) { grams[i] = value; }`
    : `fn gram(i: u32) -> vec4f { return slices[sliceAt + ${vectorsInside ? 0 : vectorsSize}u + i]; }
fn setGram(i: u32, value: vec4f) { slices[sliceAt + ${vectorsInside ? 0 : vectorsSize}u + i] = value; }`
}
fn sync() {
  ${sliced ? 'storageBarrier();' : ''}
  workgroupBarrier();
}

fn total() -> vec4f {
  var sum = vec4f();
  for (var i = 0u; i < THREADS; i++) { sum += sums[i]; }
  return sum;
}
${shaderOf(structure).text(layout, isDecaying(motion))}
${flowText(motion)}
${trackText}
${controlText(method)}
${schemeText(method)}
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

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  lane = thread;
  trajectory = call.first + group.x;
  sliceAt = group.x * ${sliceSize(layout)}u;
  spansAt = trajectory * (1u + call.saves);
  trackAt = call.spans + trajectory * ${trackWords(method, layout)}u;
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
    ${carried.map((slot, i) => `readCarried(${slot}, trackAt + ${TRACK_WORDS}u + ${4 * i}u * SIZE);`).join('\n    ')}
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
  ${carried.map((slot, i) => `writeCarried(${slot}, trackAt + ${TRACK_WORDS}u + ${4 * i}u * SIZE);`).join('\n  ')}
  if (lane == 0) { writeTrack(); }
}
`;
}

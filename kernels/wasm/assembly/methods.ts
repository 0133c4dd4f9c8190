/**
 * One step of a method, as kernels/cpu/step.ts and kernels/cpu/twin.ts take it: it is tried, measured, and kept only if
 * it is accepted.
 */
import { firstGuess, h, iterates, spectralRadius, stages, startingStep, Track } from './control';
import { BOTH, flow, X, Y } from './flow';
import { stateBytes, xBytes } from './shape';
import { combine, norm, term } from './vectors';

const GRADIENT_DESCENT: i32 = 0;
const RUNGE_KUTTA: i32 = 1;
const CHEBYSHEV: i32 = 2;

/** Of the tried step: norms of the new state, its slope and the error over h, and the spectral radius found. */
export let size: f64 = 0;
export let rate: f64 = 0;
export let errorRate: f64 = 0;
export let radius: f64 = NaN;

/** Of the trajectory: its state, the slope there, and the direction of fastest change. */
export let state: usize = 0;
let slope: usize = 0;
export let direction: usize = 0;
/** Of the tried step: the same. */
let next: usize = 0;
let nextSlope: usize = 0;
let nextDirection: usize = 0;
/** Scratch: another state, the error, and the slopes between the first and the last stage. */
let spare: usize = 0;
let error: usize = 0;
let inner: usize = 0;
let stride: usize = 0;

let scheme: i32 = RUNGE_KUTTA;
let tableauStages: i32 = 0;
/** Whether a step ends with the slope of the new state. */
let sharesLast: bool = false;
let estimates: bool = false;
/** Part that gradient descent updates first. */
let lead: i32 = BOTH;
let table: usize = 0;

const FIRST_ITERATIONS: i32 = 8;
/** sqrt(2^-24). */
const NUDGE: f64 = 0.000244140625;

/**
 * @param count stages of the tableau
 * @param coefficients float64. Runge-Kutta: [count + 1, count], the rows of `a` but the first, then `b`, then the
 * weights of the error. Chebyshev: for 2, 3, ... stages `first`, then mu, nu, muTilde, gammaTilde of the others.
 * @param work room for 8 states, and for those of the inner stages, `bytes` apart
 */
export function useMethod(
  kind: i32,
  first: i32,
  count: i32,
  shares: bool,
  embedded: bool,
  coefficients: usize,
  work: usize,
  bytes: usize,
): void {
  scheme = kind;
  lead = first;
  tableauStages = count;
  sharesLast = shares;
  estimates = embedded;
  table = coefficients;
  stride = bytes;
  state = work;
  slope = work + stride;
  direction = work + 2 * stride;
  next = work + 3 * stride;
  nextSlope = work + 4 * stride;
  nextDirection = work + 5 * stride;
  spare = work + 6 * stride;
  error = work + 7 * stride;
  inner = work + 8 * stride;
}

/** Whether the direction has to be kept, with the state, to go on later. */
export function keepsDirection(): bool {
  return scheme == CHEBYSHEV;
}

/** Takes up the trajectory at `state`. */
export function takeUp(): void {
  if (sharesLast) flow(slope, state, BOTH);
}

/** Sets the first step of an adaptive method and what a stabilized one begins with. */
export function start(track: Track): void {
  if (!estimates) return;
  size = norm(state, stateBytes);
  rate = norm(slope, stateBytes);
  const h0 = firstGuess(size, rate);
  term(1, state);
  term(h0, slope);
  combine(next, 0, stateBytes);
  flow(nextSlope, next, BOTH);
  const change = difference(nextSlope, nextSlope, slope);
  track.peak = rate;
  track.evaluations = 2;
  track.proposal = startingStep(h0, rate, change / h0, size);
  if (scheme != CHEBYSHEV) return;
  memory.copy(direction, slope, stateBytes);
  for (let k = 0; k < FIRST_ITERATIONS; k++) {
    iterate(state, slope);
    keepDirection();
  }
  track.evaluations += FIRST_ITERATIONS;
  track.radius = spectralRadius(radius, track.radius);
}

/** Tries the planned step and measures it. */
export function tryStep(): void {
  if (!sharesLast) flow(slope, state, BOTH);
  errorRate = 0;
  radius = NaN;
  if (scheme == GRADIENT_DESCENT) gradientDescent();
  else if (scheme == RUNGE_KUTTA) rungeKutta();
  else chebyshev();
  size = norm(next, stateBytes);
  rate = norm(sharesLast ? nextSlope : slope, stateBytes);
}

/** Moves on to where the tried step led. */
export function accept(): void {
  const left = state;
  state = next;
  next = left;
  if (sharesLast) {
    const leftSlope = slope;
    slope = nextSlope;
    nextSlope = leftSlope;
  }
  if (scheme == CHEBYSHEV && iterates) keepDirection();
}

function keepDirection(): void {
  const left = direction;
  direction = nextDirection;
  nextDirection = left;
}

function gradientDescent(): void {
  if (lead == BOTH) return descend(BOTH, slope);
  const follow = BOTH - lead;
  memory.copy(next, state, stateBytes);
  descend(lead, slope);
  flow(slope, next, follow);
  descend(follow, slope);
}

/** Moves parts of the state along a slope. */
function descend(parts: i32, along: usize): void {
  term(1, state);
  term(h, along);
  const from = parts & X ? 0 : xBytes;
  const to = parts & Y ? stateBytes : xBytes;
  combine(next, from, to - from);
}

function slopeOf(stage: i32): usize {
  if (stage == 0) return slope;
  return stage == tableauStages - 1 ? nextSlope : inner + (stage - 1) * stride;
}

/** Adds the slopes of the first stages, with the weights of a row of the tableau. */
function slopes(row: i32, count: i32, factor: f64): void {
  const weights = table + 8 * row * tableauStages;
  for (let j = 0; j < count; j++) term(factor * load<f64>(weights + 8 * j), slopeOf(j));
}

function rungeKutta(): void {
  for (let i = 1; i < tableauStages; i++) {
    term(1, state);
    slopes(i - 1, i, h);
    combine(next, 0, stateBytes);
    flow(slopeOf(i), next, BOTH);
  }
  if (!sharesLast) {
    term(1, state);
    slopes(tableauStages - 1, tableauStages, h);
    combine(next, 0, stateBytes);
  }
  if (!estimates) return;
  slopes(tableauStages, tableauStages, 1);
  combine(error, 0, stateBytes);
  errorRate = norm(error, stateBytes);
}

function chebyshev(): void {
  let at = table + 8 * (2 * stages - 1) * (stages - 2);
  term(1, state);
  term(h * load<f64>(at), slope);
  combine(next, 0, stateBytes);
  at += 8;
  let before = state;
  for (let j = 2; j <= stages; j++, at += 32) {
    const mu = load<f64>(at);
    const nu = load<f64>(at, 8);
    flow(nextSlope, next, BOTH);
    term(1 - mu - nu, state);
    term(mu, next);
    term(nu, before);
    term(h * load<f64>(at, 16), nextSlope);
    term(h * load<f64>(at, 24), slope);
    // The stage before last is no more needed, unless it is the start.
    combine(spare, 0, stateBytes);
    before = next;
    next = spare;
    spare = before;
  }
  flow(nextSlope, next, BOTH);
  term(0.8 / h, state);
  term(-0.8 / h, next);
  term(0.4, slope);
  term(0.4, nextSlope);
  combine(error, 0, stateBytes);
  errorRate = norm(error, stateBytes);
  if (iterates) iterate(next, nextSlope);
}

/** A power iteration with the Jacobian at z, whose slope is given: sets the next direction and the radius. */
function iterate(z: usize, slopeAt: usize): void {
  const length = NUDGE * norm(z, stateBytes);
  const per = norm(direction, stateBytes);
  const usable = per > 0 && per < Infinity;
  term(1, z);
  term(length / (usable ? per : norm(slopeAt, stateBytes)), usable ? direction : slopeAt);
  combine(error, 0, stateBytes);
  flow(nextDirection, error, BOTH);
  radius = difference(nextDirection, nextDirection, slopeAt) / length;
}

/** out = a - b, and its norm. */
function difference(out: usize, a: usize, b: usize): f64 {
  term(1, a);
  term(-1, b);
  combine(out, 0, stateBytes);
  return norm(out, stateBytes);
}

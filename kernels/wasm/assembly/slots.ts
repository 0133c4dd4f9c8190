/**
 * The state-sized vectors of the trajectory in hand, at their addresses; those of a step change places when it is kept.
 */
import { parameters } from './parameters';
import { movingAt, movingBytes, stateBytes } from './shape';

/** The state of the trajectory, the slope there, and the direction of fastest change. */
export let state: usize = 0;
export let slope: usize = 0;
export let direction: usize = 0;
/** The state that the tried step leads to, the slope there, and the direction of fastest change. */
export let next: usize = 0;
export let nextSlope: usize = 0;
export let nextDirection: usize = 0;
/** Scratch: another state, the error, and the slopes between the first and the last stage, `stride` apart. */
export let spare: usize = 0;
export let error: usize = 0;
export let inner: usize = 0;
export let stride: usize = 0;

export function useSlots(): void {
  stride = <usize>parameters.stride;
  state = parameters.work;
  slope = state + stride;
  direction = state + 2 * stride;
  next = state + 3 * stride;
  nextSlope = state + 4 * stride;
  nextDirection = state + 5 * stride;
  spare = state + 6 * stride;
  error = state + 7 * stride;
  inner = state + 8 * stride;
}

/** Copies a frozen factor to every slot that a flow is evaluated at, where nothing writes to it after. */
export function holdFrozen(): void {
  const end = movingAt + movingBytes;
  for (let i = 0; i < 3; i++) {
    const slot = i == 0 ? next : i == 1 ? spare : error;
    memory.copy(slot, state, movingAt);
    memory.copy(slot + end, state + end, stateBytes - end);
  }
}

/** Says in which slot the tried step ended, and which is free instead. */
export function setNext(ended: usize, free: usize): void {
  next = ended;
  spare = free;
}

export function keepState(): void {
  const left = state;
  state = next;
  next = left;
}

export function keepSlope(): void {
  const left = slope;
  slope = nextSlope;
  nextSlope = left;
}

export function keepDirection(): void {
  const left = direction;
  direction = nextDirection;
  nextDirection = left;
}

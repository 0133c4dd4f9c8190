/**
 * The memory of the wasm and the native kernel, one tensor: the parameter block, and behind it the tables and tracks of all
 * trajectories and room to work in. What does not change is written once, with the first call of a task.
 */
import type { Motion } from '../../src/flow/motion.js';
import type { AdvanceTask } from '../fused.js';
import {
  MOST_TERMS,
  PARAMETER_BYTES,
  parameterFields,
  parameterOffsets,
  partCodes,
  stateLayout,
  TERM,
  TRACK_BYTES,
  type CallParameters,
  type Parameters,
  type Vectors,
} from './layout.js';
import { methodTable } from './schemes.js';
import { kinds, structureTable } from './structures.js';
import type { Reals } from './structures/structure.js';

/** Bytes of a cache line, at which everything in the memory starts. */
const LINE = 64;

/** The memory of a task before it has a place: its bytes, and what is written to it first. */
export interface MemoryPlan {
  readonly bytes: number;
  readonly parameters: Omit<Parameters, keyof CallParameters>;
  /** Numbers, with their distances from the block. */
  readonly contents: readonly (readonly [number, Reals])[];
}

/** Bytes of a tensor that has room for a memory wherever it comes to lie. */
export const tensorBytes = ({ bytes }: MemoryPlan): number => bytes + LINE;

/** Offset of the memory in its tensor. */
export const blockAt = (tensor: number): number => LINE * Math.ceil(tensor / LINE);

/**
 * Plans the memory of a task.
 * @param worksInside whether the kernel needs room in it to work in
 */
export function memoryPlan(task: AdvanceTask, vectors: Vectors, worksInside: boolean): MemoryPlan {
  const { n, m, rank, motion, precision, clocks, stop, structure } = task;
  const layout = stateLayout(n, m, rank, precision, vectors);
  const { columns, xBlocks, yBlocks, bytes: stateBytes } = layout;
  const contents: [number, Reals][] = [];
  let bytes = lines(PARAMETER_BYTES);
  const room = (size: number): number => {
    const at = bytes;
    bytes += lines(size);
    return at;
  };
  const workRoom = (size: number): number => (worksInside ? room(size) : 0);
  const place = (numbers: Reals | undefined): number => {
    if (!numbers?.length) return 0;
    const at = room(numbers.byteLength);
    contents.push([at, numbers]);
    return at;
  };
  const { coefficients, keepsDirection, ...method } = methodTable(task.method);
  // A multiple of the page would put the same row of all states into the same set of the cache.
  const stride = lines(stateBytes) + 5 * LINE;
  const table = structureTable(structure, layout);
  const trackBytes = TRACK_BYTES + (keepsDirection ? stateBytes : 0);
  const parameters = {
    ...{ n, m, rank, columns, xBlocks, yBlocks, ...method },
    coefficients: place(coefficients),
    work: workRoom((8 + Math.max(0, method.stages - 2)) * stride),
    stride,
    terms: workRoom(MOST_TERMS * TERM),
    structure: kinds.indexOf(structure.kind),
    trace0: table.trace0 ?? 0,
    ...motionTable(motion),
    scales: place(table.scales),
    p: place(table.p),
    pTransposed: place(table.pTransposed),
    covariance: place(table.covariance),
    gram: workRoom(8 * columns ** 2),
    weighted: workRoom(stateBytes),
    steadyTolerance: stop.steadyTolerance ?? NaN,
    maxSteps: stop.maxSteps,
    saveTimes: place(Float64Array.from(stop.saveTimes)),
    clocks: place(Float64Array.from(clocks)),
    saves: stop.saveTimes.length,
    batch: clocks.length,
    tracks: room(clocks.length * trackBytes),
    trackBytes,
  };
  return { bytes, parameters, contents };
}

/** The fields of a motion by the gradient rule. */
const motionTable = ({ rates, decay }: Motion): Pick<Parameters, 'moving' | 'decayX' | 'decayY'> => ({
  moving: (rates[0] && partCodes.x) | (rates[1] && partCodes.y),
  decayX: decay[0],
  decayY: decay[1],
});

/** Writes what a memory begins with. */
export function writeMemory(heap: Uint8Array, block: number, { parameters, contents }: MemoryPlan): void {
  writeParameters(heap, block, parameters);
  for (const [at, { buffer, byteOffset, byteLength }] of contents)
    heap.set(new Uint8Array(buffer, byteOffset, byteLength), block + at);
}

/** Writes fields of the parameter block. */
export function writeParameters(heap: Uint8Array, block: number, values: Partial<Parameters>): void {
  const view = new DataView(heap.buffer, heap.byteOffset + block, PARAMETER_BYTES);
  for (const [key, value] of Object.entries(values)) {
    const name = key as keyof Parameters;
    const [type, at] = [parameterFields[name], parameterOffsets[name]];
    if (type === 'f64') view.setFloat64(at, value, true);
    else if (type === 'place') view.setUint32(at, value === 0 ? 0 : block + value, true);
    else view.setUint32(at, value, true);
  }
}

const lines = (bytes: number): number => LINE * Math.ceil(bytes / LINE);

/**
 * The layout of what the host shares with the assembly and with the native kernel: the fields of the parameter block,
 * which is the kernel's one argument, and of a trajectory's track, the codes in them, and how a state is laid out in
 * vectors. The host writes by it (memory.ts); the build writes the classes and constants of either from it (generators/).
 */
import type { Precision } from '../../src/numbers/precision.js';

/** Bytes of a term of a linear combination: a coefficient (float64) and an address. */
export const TERM = 16;
/** Most terms of a linear combination; and so most stages of a tableau, whose slopes are combined with the state. */
export const MOST_TERMS = 14;
export const MOST_TABLEAU_STAGES = MOST_TERMS - 1;
/** Highest rank with loops of its own; above, columns are taken in tiles of TILE and padded to multiples of it. */
export const EXACT = 8;
export const TILE = 4;

/** Codes of names, from 0 on. */
const codes = <Name extends string>(...names: readonly Name[]) =>
  Object.fromEntries(names.map((name, i) => [name, i])) as Readonly<Record<Name, number>>;

export const schemeCodes = codes('gradient-descent', 'runge-kutta', 'chebyshev');
export const controlCodes = codes('fixed', 'error');
/** Parts of a state: X holds B, Y holds A. */
export const partCodes = { x: 1, y: 2, both: 3 } as const;

/**
 * What a field holds: a number, or an address. The host gives an address that lies in the memory as a `place`: its
 * distance from the block, 0 where there is nothing.
 */
export type FieldType = 'f64' | 'i32' | 'usize' | 'place';

/** Fields of the parameter block, in their order; the widest first, so that nothing lies between them. */
export const parameterFields = {
  /** Size of fixed steps, in time t; 0 of others. */
  fixedStep: 'f64',
  /** Tolerances of steps that are sized by their error; 0 of others. */
  rtol: 'f64',
  atol: 'f64',
  /** Order in the step size by which the estimated error falls. */
  errorOrder: 'f64',
  /** Most stages of a Chebyshev step. */
  mostStages: 'f64',
  /** Evaluations of a step; those of a Chebyshev step are counted instead. */
  evaluations: 'f64',
  /** NaN: trajectories are never stationary. */
  steadyTolerance: 'f64',
  maxSteps: 'f64',
  trace0: 'f64',
  /** Weight decay of X and of Y. */
  decayX: 'f64',
  decayY: 'f64',

  /** The state: rows, rank, and its layout in vectors (StateLayout). */
  n: 'i32',
  m: 'i32',
  rank: 'i32',
  columns: 'i32',
  xBlocks: 'i32',
  yBlocks: 'i32',

  /** Codes of the method and of the structure, the latter by its place in the registry (structures.ts). */
  scheme: 'i32',
  control: 'i32',
  structure: 'i32',
  /** Part that moves: all of the state, but for a frozen factor. */
  moving: 'i32',
  /** Part that gradient descent updates first. */
  lead: 'i32',
  /** Stages of a tableau. */
  stages: 'i32',
  /** Whether a step ends with the slope of the new state (0 or 1). */
  sharesLast: 'i32',
  /** Whether two estimates are made of the error (0 or 1). */
  twoErrors: 'i32',
  /**
   * float64. Runge-Kutta: [stages + 2, stages], the rows of `a` but the first, then `b`, then the weights of the errors.
   * Chebyshev: for 2, 3, ... stages `first`, then mu, nu, muTilde, gammaTilde of the others.
   */
  coefficients: 'place',
  /** Room for 8 states, and for those of the inner stages, `stride` bytes apart. The native kernel has room of its own. */
  work: 'place',
  stride: 'i32',
  /** Room for MOST_TERMS terms. */
  terms: 'place',

  /** Diagonal: sigma in vectors, then zeros up to the larger factor's blocks. Quadratic: as many ones. */
  scales: 'place',
  /** Quadratic: P = E H, its transpose, and H or 0, each [blocks][columns][LANES] and padded to whole blocks. */
  p: 'place',
  pTransposed: 'place',
  covariance: 'place',
  /** Room for a Gram matrix [columns, columns], and for H Y. */
  gram: 'place',
  weighted: 'place',

  /** float64 [saves] and [batch]. */
  saveTimes: 'place',
  clocks: 'place',
  saves: 'i32',
  batch: 'i32',
  /** The tracks of all trajectories, each followed by its direction if the scheme has one: `trackBytes` apart. */
  tracks: 'place',
  trackBytes: 'i32',

  /** The call: tensors of states [batch, (n + m) rank], states at save times and reports, and how far it goes. */
  states: 'usize',
  saved: 'usize',
  reports: 'usize',
  /** Most steps of all trajectories together. */
  steps: 'i32',
  /** Whether the tracks are those of an earlier call (0 or 1). */
  resumes: 'i32',
} as const satisfies Readonly<Record<string, FieldType>>;

/** The values of all fields. */
export type Parameters = Readonly<Record<keyof typeof parameterFields, number>>;

/** Fields that every call sets anew; the others stay as they are in the memory. */
export type CallParameters = Pick<Parameters, 'states' | 'saved' | 'reports' | 'steps' | 'resumes'>;

const sizeOf = (type: FieldType): number => (type === 'f64' ? 8 : 4);

/** Distance of every field from the start of the block, and the bytes of all. */
export const { offsets: parameterOffsets, bytes: PARAMETER_BYTES } = (() => {
  let bytes = 0;
  const offsets: Record<string, number> = {};
  for (const [name, type] of Object.entries(parameterFields)) {
    offsets[name] = bytes;
    bytes += sizeOf(type);
  }
  return { offsets: offsets as Readonly<Record<keyof Parameters, number>>, bytes };
})();

/** Fields of a track, a trajectory's place in time and the state of its control, all float64 (assembly/track.ts). */
export const trackFields = [
  'tau',
  'proposal',
  'lastError',
  'afterRejection',
  'accepted',
  'rejected',
  'evaluations',
  'peak',
  'radius',
  'saves',
  /** 0 while it runs, else the code of its outcome. */
  'outcome',
  /** 0 before its first step. */
  'started',
] as const;

export const TRACK_BYTES = 8 * trackFields.length;

/** The vectors of a kernel: their bytes, and how many blocks of rows it takes together at least. */
export interface Vectors {
  readonly bytes: number;
  readonly together: number;
}

/** Vectors of WebAssembly. */
export const wasmVectors: Vectors = { bytes: 16, together: 2 };

/** Numbers in lanes: how many, of which precision; and to which multiple blocks of rows are padded. */
export interface Lanes {
  readonly precision: Precision;
  readonly lanes: number;
  readonly together: number;
}

/**
 * A state in vectors: [blocks][columns][lanes], a block of rows per group of vectors with the rows in lanes. First the
 * blocks of X, then those of Y. Rows are padded to whole numbers of blocks that are taken together, and ranks above
 * EXACT to multiples of TILE; what is padded is zero, and stays so.
 */
export interface StateLayout extends Lanes {
  readonly columns: number;
  readonly xBlocks: number;
  readonly yBlocks: number;
  /** Bytes of a state. */
  readonly bytes: number;
}

export function stateLayout(
  n: number,
  m: number,
  rank: number,
  precision: Precision,
  { bytes, together }: Vectors,
): StateLayout {
  const lanes = { precision, lanes: bytes / (precision === 'float32' ? 4 : 8), together };
  const columns = rank > EXACT ? TILE * Math.ceil(rank / TILE) : rank;
  const [xBlocks, yBlocks] = [blocksOf(n, lanes), blocksOf(m, lanes)];
  return { ...lanes, columns, xBlocks, yBlocks, bytes: bytes * columns * (xBlocks + yBlocks) };
}

/** Blocks of so many rows. */
export const blocksOf = (rows: number, { lanes, together }: Lanes): number =>
  together * Math.ceil(rows / (together * lanes));

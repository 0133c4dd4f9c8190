/**
 * How one trajectory is laid out for a workgroup: rows to threads, columns to vectors of four, and which of its arrays
 * find room in workgroup memory. What does not is held in a buffer, each workgroup in a slice of its own.
 */
import type { AdvanceAttrs } from '../fused.js';
import { slotsOf } from './schemes.js';

export interface Layout {
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  /** Threads of a workgroup. Thread i owns rows i, i + threads, ... of X and of Y. */
  readonly threads: number;
  /** Rows of X and of both factors, each with zero rows up to a multiple of `threads`. */
  readonly rowsX: number;
  readonly rows: number;
  /** Vectors of four in a row, with zero columns at its end. */
  readonly quads: number;
  /** Rows of a thread that share what they read of a Gram matrix. */
  readonly block: number;
  /** Parts that the rows are cut into where Gram matrices are summed. */
  readonly parts: number;
  /** State-sized vectors of a method, in their order. */
  readonly slots: readonly string[];
  /** Vectors of four in the state-sized vectors together, and in the Gram matrices with their parts. */
  readonly vectorsSize: number;
  readonly gramsSize: number;
  /** True of what is held in workgroup memory. */
  readonly vectorsInside: boolean;
  readonly gramsInside: boolean;
}

export type Shape = Pick<AdvanceAttrs, 'n' | 'm' | 'rank' | 'method'>;

/** Bytes of a vector of four. */
export const QUAD = 16;
/** Workgroup memory for what lanes exchange besides: decisions, and the sums of each thread. */
const reserve = (threads: number): number => 256 + threads * (QUAD + 4);
/** Threads among which sums over rows are divided at most: each leaves four vectors to be added up. */
const MOST_SUMMING = 64;

/** Limits of a device that the layout depends on. */
export interface Room {
  readonly workgroupBytes: number;
  /** Threads that run in step. */
  readonly subgroup: number;
}

export const roomOf = ({ limits, adapterInfo }: GPUDevice): Room => ({
  workgroupBytes: limits.maxComputeWorkgroupStorageSize,
  // Where a device does not say, it is a GPU.
  subgroup: (adapterInfo as GPUAdapterInfo | undefined)?.subgroupMaxSize || 32,
});

/** Whether the device is a processor with a driver that imitates a GPU, to go by the threads that run in step. */
export const onProcessor = (subgroup: number): boolean => subgroup <= 8;

/**
 * A GPU gives each thread two rows of the longer factor; the few that a processor runs in step take all rows, for it
 * runs one such group after another, and they would wait for each other.
 */
function threadsFor(longer: number, subgroup: number): number {
  const most = onProcessor(subgroup) ? subgroup : 256;
  return Math.min(most, Math.max(4, 2 ** Math.ceil(Math.log2(longer / 2))));
}

export function layoutOf({ n, m, rank, method }: Shape, { workgroupBytes, subgroup }: Room): Layout {
  const threads = threadsFor(Math.max(n, m), subgroup);
  const [turnsX, turnsY] = [Math.ceil(n / threads), Math.ceil(m / threads)];
  const quads = Math.ceil(rank / 4);
  const tiles = 2 * quads ** 2;
  const parts = Math.max(1, Math.floor(Math.min(threads, MOST_SUMMING) / tiles));
  const rows = (turnsX + turnsY) * threads;
  const slots = slotsOf(method);
  const vectorsSize = slots.length * rows * quads;
  const gramsSize = tiles * 4 * (parts > 1 ? parts + 1 : 1);
  const room = workgroupBytes - reserve(threads);
  const gramsInside = gramsSize * QUAD <= room;
  return {
    n,
    m,
    rank,
    threads,
    rowsX: turnsX * threads,
    rows,
    quads,
    block: [4, 2, 1].find((size) => turnsX % size === 0 && turnsY % size === 0)!,
    parts,
    slots,
    vectorsSize,
    gramsSize,
    vectorsInside: (vectorsSize + (gramsInside ? gramsSize : 0)) * QUAD <= room,
    gramsInside,
  };
}

/** Vectors of four of a workgroup's slice of the buffer; 0 if it needs none. */
export const sliceSize = ({ vectorsInside, gramsInside, vectorsSize, gramsSize }: Layout): number =>
  (vectorsInside ? 0 : vectorsSize) + (gramsInside ? 0 : gramsSize);

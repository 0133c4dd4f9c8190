/**
 * The compiled loops of this folder (kernels/wasm/assembly/numbers) and the memory they work in. They start without
 * waiting, in Node.js, its worker threads and web workers, and round alike everywhere: no fused multiply-add.
 */
import { loopsModule } from './loopsModule.js';

/** Exports of the module; numbers that name arrays are addresses in its memory. */
export interface Loops {
  /** See assembly/numbers/products.ts. */
  multiplyTiles(
    a: number,
    b: number,
    c: number,
    rowTiles: number,
    colTiles: number,
    depth: number,
    adds: boolean,
  ): void;
  /** See assembly/numbers/rows.ts. */
  updateAndGather(
    a: number,
    rows: number,
    cols: number,
    pitch: number,
    x: number,
    v: number,
    u: number,
    y: number,
  ): void;
  updateAndMultiply(
    a: number,
    rows: number,
    cols: number,
    pitch: number,
    u: number,
    y: number,
    v: number,
    x: number,
  ): void;
  /** See assembly/numbers/strips.ts. */
  reflect(
    strips: number,
    count: number,
    rows: number,
    vectors: number,
    pitch: number,
    taus: number,
    offset: number,
    first: number,
    step: number,
    reflections: number,
  ): void;
  rotate(
    strips: number,
    count: number,
    rows: number,
    chains: number,
    chainCount: number,
    rotations: number,
  ): void;
}

/** A float64 array in the memory of the loops. */
export interface Block {
  readonly address: number;
  readonly data: Float64Array;
}

export interface Workspace<Name extends string> {
  readonly loops: Loops;
  /** Arrays of zeros. They are good until the next call of `workspace`. */
  readonly blocks: Readonly<Record<Name, Block>>;
}

const PAGE = 65536;
/** Bytes that the module itself may use, at the start of the memory. */
const RESERVED = 1024;
/** Bytes that 32-bit addresses reach. */
const MOST_BYTES = 65536 * PAGE;
/** Memory cannot shrink: above this, it is let go after use. */
const KEPT_BYTES = 2 ** 25;

let module: WebAssembly.Module | null = null;
let spare: { readonly memory: WebAssembly.Memory; readonly loops: Loops } | null = null;

function start(bytes: number) {
  module ??= new WebAssembly.Module(Uint8Array.from(atob(loopsModule), (c) => c.charCodeAt(0)));
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { memory, loops: exports as unknown as Loops };
}

/**
 * Memory for arrays of these lengths.
 * @throws RangeError if they take more than 4 GiB, or there is not so much memory
 */
export function workspace<Name extends string>(lengths: Readonly<Record<Name, number>>): Workspace<Name> {
  const addresses = new Map<string, number>();
  let end = RESERVED;
  for (const [name, length] of Object.entries<number>(lengths)) {
    addresses.set(name, end);
    end += 8 * (length + (length % 2));
  }
  if (end > MOST_BYTES) {
    const [needed, most] = [end, MOST_BYTES].map((bytes) => (bytes / 2 ** 30).toFixed(1));
    throw new RangeError(`a matrix that takes ${needed} GiB to decompose; ${most} GiB are possible`);
  }
  if (spare && spare.memory.buffer.byteLength < end) spare = null;
  const { memory, loops } = spare ?? start(end);
  spare = memory.buffer.byteLength <= KEPT_BYTES ? { memory, loops } : null;
  const block = (name: Name): Block => {
    const address = addresses.get(name)!;
    return { address, data: new Float64Array(memory.buffer, address, lengths[name]).fill(0) };
  };
  const names = Object.keys(lengths) as Name[];
  return {
    loops,
    blocks: Object.fromEntries(names.map((name) => [name, block(name)])) as Record<Name, Block>,
  };
}

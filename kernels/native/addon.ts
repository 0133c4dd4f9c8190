/**
 * The native kernel: an addon of Node.js that the build compiles from the C++ beside this file, where there is a
 * compiler. It works on the tensors and the memory of the wasm kernel, in vectors as wide as the processor's.
 */
import { firstLine, inNode } from '../../src/host/platform.js';

/** Its kernels, and the bytes of their vectors. */
export const vectorBytes = { avx512: 64, avx2: 32, neon: 16 } as const;
export type NativeName = keyof typeof vectorBytes;

export interface Addon {
  /** The kernels that this processor runs, the fastest first. */
  readonly variants: readonly NativeName[];
  /**
   * Advances the trajectories of a parameter block (kernels/wasm/layout.ts), and blocks until it has.
   * @param memory that the block's addresses count from
   * @param block address of the block, a multiple of 64
   * @returns false if there was no room to work in
   */
  advance(memory: Uint8Array, block: number, variant: NativeName, float64: boolean, threads: number): boolean;
}

/** The addon is built into dist, beside this file's own translation. */
const folder = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/kernels/native/' : './',
  import.meta.url,
);

let loaded: Addon | string | undefined;

/** Loads the addon; returns why there is none, if there is none. */
export const loadAddon = (): Addon | string => (loaded ??= inNode() ? addonIn(folder) : 'browsers have none');

/** The addon that was built into a folder, or why there is none. Node.js only. */
export function addonIn(folder: URL): Addon | string {
  const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');
  const file = new URL('rankflow.node', folder);
  if (!existsSync(file)) {
    const reason = new URL('reason.txt', folder);
    return existsSync(reason) ? readFileSync(reason, 'utf8') : 'it was not built';
  }
  try {
    const addon = process.getBuiltinModule('node:module').createRequire(import.meta.url)(
      process.getBuiltinModule('node:url').fileURLToPath(file),
    ) as Addon;
    return addon.variants.length > 0 ? addon : 'this processor has neither AVX2 nor AVX-512';
  } catch (error) {
    return `it does not load: ${firstLine(error)}`;
  }
}

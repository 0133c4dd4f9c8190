/**
 * The compiled kernel (assembly/, built by scripts/build-wasm.js): a module for each precision, with fused
 * multiply-add where the engine has relaxed SIMD.
 */
import { inNode } from '../../src/host/platform.js';
import { precisions, type Precision } from '../../src/numbers/precision.js';

/** Exports of the compiled module (assembly/advance.ts). */
export interface Exports {
  /** @param block address of the parameter block (memory.ts), in the memory that the instance works in */
  advance(block: number): void;
}

/** Whether products are added with one rounding or two. */
export type Variant = 'fused' | 'plain';

export type Modules = Readonly<Record<Precision, WebAssembly.Module>>;

/** The modules are built into dist, beside this file's own translation. */
const folder = new URL(import.meta.url.endsWith('.ts') ? '../../dist/kernels/wasm/' : './', import.meta.url);

/** The modules of a variant; null if the engine does not have it. */
export async function loadModules(variant: Variant): Promise<Modules | null> {
  if (variant === 'fused' && !(await addsOnce())) return null;
  const loaded = await Promise.all(
    precisions.map(async (precision) => {
      const module = await loadModule(`${precision}-${variant}.wasm`);
      return module && ([precision, module] as const);
    }),
  );
  return loaded.includes(null)
    ? null
    : (Object.fromEntries(loaded.filter((each) => each !== null)) as Modules);
}

/** A compiled module of that name; null if the engine lacks what it needs. */
export async function loadModule(name: string): Promise<WebAssembly.Module | null> {
  const bytes = await read(new URL(name, folder));
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : null;
}

/** (a, b, c) -> the first lane of f32x4.relaxed_madd of them, as a module. */
const MULTIPLY_ADD = Uint8Array.from([
  ...[0, 97, 115, 109, 1, 0, 0, 0], // the head
  ...[1, 8, 1, 96, 3, 125, 125, 125, 1, 125], // one type: (f32, f32, f32) -> f32
  ...[3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0], // one function, of that type, exported as f
  ...[10, 22, 1, 20, 0, 32, 0, 253, 19, 32, 1, 253, 19, 32, 2, 253, 19], // three f32x4.splat
  ...[253, 133, 2, 253, 31, 0, 11], // f32x4.relaxed_madd, f32x4.extract_lane 0
]);

/** Whether relaxed multiply-add is there and rounds once: engines may let it round twice, as processors have it. */
async function addsOnce(): Promise<boolean> {
  // Node 20 has it behind a flag, which is heard of until then.
  if (inNode() && !WebAssembly.validate(MULTIPLY_ADD))
    process.getBuiltinModule('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd');
  if (!WebAssembly.validate(MULTIPLY_ADD)) return false;
  const { f } = new WebAssembly.Instance(await WebAssembly.compile(MULTIPLY_ADD), {}).exports as {
    f: (a: number, b: number, c: number) => number;
  };
  // (1 + e)(1 - e) - 1 = -e^2, which is 0 when the product is rounded before.
  const e = 2 ** -20;
  return f(1 + e, 1 - e, -1) !== 0;
}

async function read(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  if (url.protocol !== 'file:') return new Uint8Array(await (await fetch(url)).arrayBuffer());
  const { readFile } = await import('node:fs/promises');
  return new Uint8Array(await readFile(url));
}

/** An instance that works in a memory. */
export const instantiate = (module: WebAssembly.Module, memory: WebAssembly.Memory): Exports =>
  new WebAssembly.Instance(module, { env: { memory }, host: { pow: Math.pow } })
    .exports as unknown as Exports;

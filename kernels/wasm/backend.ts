/**
 * What is used of TensorFlow.js's wasm backend (backend_wasm.ts there), and its memory made to refuse what it lacks.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { OutOfMemoryError } from '../outOfMemory.js';

export interface WasmBackend {
  readonly wasm: WasmModule;
  getMemoryOffset(dataId: TensorInfo['dataId']): number;
  makeOutput(shape: number[], dtype: 'float32' | 'int32'): TensorInfo;
  incRef(dataId: TensorInfo['dataId']): void;
  /** Takes a reference away, and with the last one the data. */
  disposeData(dataId: TensorInfo['dataId']): boolean;
}

interface WasmModule {
  readonly asm: { readonly memory: WebAssembly.Memory; malloc(bytes: number): number };
  /** View of the memory as it is now: it may grow. */
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Bytes of an address space of 32 bits: sizes beyond are taken modulo that. */
const ADDRESSES = 2 ** 32;

const guarded = new WeakSet<WasmModule>();

/**
 * Has allocations of the backend throw an OutOfMemoryError where there is no memory, those of tensors too:
 * TensorFlow.js itself takes the address 0 that it is given then, and writes there.
 */
export function guardMemory({ wasm }: WasmBackend): void {
  if (guarded.has(wasm)) return;
  guarded.add(wasm);
  const { malloc } = wasm.asm;
  wasm._malloc = (bytes) => {
    const address = bytes < ADDRESSES ? malloc(bytes) : 0;
    if (address === 0 && bytes > 0) throw new OutOfMemoryError(`${bytes} bytes of WebAssembly`);
    return address;
  };
}

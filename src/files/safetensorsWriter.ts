/** The safetensors format as it is written (safetensors.ts reads it), wherever its bytes go. */
import type { Half } from './floatFormats.js';
import { LENGTH_BYTES, product } from './safetensors.js';

/** Entries of a tensor that is written, in row-major order; of 16-bit floats their bits. */
export type WrittenData =
  | { readonly dtype?: 'F32'; readonly data: Float32Array }
  | { readonly dtype: Half; readonly data: Uint16Array };

/** A tensor to be written. */
export type WrittenTensor = WrittenData & { readonly shape: readonly number[] };

/** Type and shape of a tensor that is written later. */
export interface PlannedTensor {
  readonly dtype: 'F32' | Half;
  readonly shape: readonly number[];
}

/** Where the bytes of a file go, one after another. What it throws ends the writing. */
export interface Sink {
  put(bytes: Uint8Array): void;
  /** Nothing comes after this. */
  finish(): void;
  /** Removes what was not finished. */
  discard(): void;
}

/** A file whose tensors are written one after another, in the order of its header. */
export interface SafetensorsWriter {
  /** @throws whatever the sink throws */
  write(name: string, tensor: WrittenData): void;
  /** @throws whatever the sink throws; Error if a tensor is missing */
  finish(): void;
  /** Removes what was not finished. */
  discard(): void;
}

/** Begins with the header of all tensors. @throws whatever the sink throws */
export function safetensorsWriter(
  sink: Sink,
  tensors: Readonly<Record<string, PlannedTensor>>,
  metadata?: Readonly<Record<string, string>>,
): SafetensorsWriter {
  const waiting = Object.keys(tensors).reverse();
  const orDiscard = (work: () => void) => {
    try {
      work();
    } catch (error) {
      sink.discard();
      throw error;
    }
  };
  orDiscard(() => sink.put(headerOf(tensors, metadata)));
  return {
    write: (name, { dtype = 'F32', data }) =>
      orDiscard(() => {
        const planned = tensors[name];
        if (waiting.pop() !== name || !planned) throw new Error(`the tensor ${name} out of turn`);
        if (dtype !== planned.dtype || data.length !== product(planned.shape))
          throw new Error(`${data.length} entries of ${dtype} cannot fill [${planned.shape.join(', ')}]`);
        sink.put(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }),
    finish: () =>
      orDiscard(() => {
        if (waiting.length > 0) throw new Error(`no tensor ${waiting.at(-1)}`);
        sink.finish();
      }),
    discard: () => sink.discard(),
  };
}

/** The length of the header, and the header, up to a multiple of eight bytes. */
function headerOf(
  tensors: Readonly<Record<string, PlannedTensor>>,
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let end = 0;
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    if (name === '__metadata__') throw new Error('a tensor cannot be named __metadata__');
    header[name] = {
      ...{ dtype, shape },
      data_offsets: [end, (end += product(shape) * (dtype === 'F32' ? 4 : 2))],
    };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = json.length + (-json.length & 7);
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(' '.charCodeAt(0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

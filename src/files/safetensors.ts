/**
 * The safetensors format of Hugging Face: eight bytes with the header's length, a JSON header, then the tensors' bytes,
 * little-endian as every machine TensorFlow.js runs on. Opening a file reads and checks the header alone; a tensor's
 * bytes are read when it is asked for, so a checkpoint of many gigabytes costs one tensor's memory.
 */
import { float16ToFloat32 } from 'npyjs';
import { z } from 'zod';
import { InputError } from '../host/inputError.js';
import { withFile, type OpenFile } from './disk.js';
import { fromFloat8 } from './float8.js';
import type { Half } from './floatFormats.js';
import { beginsWith, NUMPY, refuseForeign } from './foreign.js';

/** A tensor on the host: entries in row-major order, whatever precision they were stored in. */
export interface Tensor extends TensorInfo {
  readonly data: Float64Array<ArrayBuffer>;
}

/** Type and shape of a tensor, from the header. */
export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** An opened safetensors file. */
export interface Safetensors {
  /** Every tensor in the file by name, those of dtypes that `get` refuses included. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads one tensor, as it is stored: 8-bit floats without the scale that goes with them.
   * @throws InputError if there is none of that name, or its dtype is not F64, F32, F16, BF16, F8_E4M3 or F8_E5M2
   */
  get(name: string): Tensor;
}

interface Entry extends TensorInfo {
  readonly begin: number;
  readonly end: number;
}

export const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000;
const CHUNK_BYTES = 2 ** 24;
const WELL_FORMED = 'a whole and well-formed safetensors file';

/** Bits an entry takes, by dtype. */
const bitsOf: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ F64: 64, F32: 32, F16: 16, BF16: 16, C64: 64, BOOL: 8 },
    ...{ I64: 64, I32: 32, I16: 16, I8: 8, U64: 64, U32: 32, U16: 16, U8: 8 },
    ...{ F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8, F6_E2M3: 6, F6_E3M2: 6, F4: 4 },
  }),
);

const decoders = new Map(
  Object.entries<(bytes: ArrayBuffer) => ArrayLike<number>>({
    F64: (bytes) => new Float64Array(bytes),
    F32: (bytes) => new Float32Array(bytes),
    F16: (bytes) => fromFloat16(new Uint16Array(bytes)),
    BF16: (bytes) => fromBFloat16(new Uint16Array(bytes)),
    F8_E4M3: (bytes) => fromFloat8('F8_E4M3', new Uint8Array(bytes)),
    F8_E5M2: (bytes) => fromFloat8('F8_E5M2', new Uint8Array(bytes)),
  }),
);

/** The numbers that bits of a 16-bit format stand for. */
export const fromHalf = (bits: Uint16Array<ArrayBuffer>, dtype: Half): Float32Array =>
  dtype === 'F16' ? fromFloat16(bits) : fromBFloat16(bits);

/** Every float16, by its bits. */
let float16Values: Float32Array | null = null;

function fromFloat16(halves: Uint16Array): Float32Array {
  float16Values ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => float16ToFloat32(bits));
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = float16Values[halves[i]!]!;
  return values;
}

function fromBFloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

const count = z.int().nonnegative();
// Lists and mappings as wholes: a complaint about each of their items could take far more memory than the file.
const counts = z.custom<number[]>(
  (value) => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0),
  'not a list of whole numbers from 0',
);
const metadataSchema = z
  .custom<Record<string, string>>(
    (value) => isObject(value) && Object.values(value).every((text) => typeof text === 'string'),
    'not a mapping of names to texts',
  )
  .default({});
const entrySchema = z
  .object({
    dtype: z
      .string()
      .refine((dtype) => bitsOf.has(dtype), { error: ({ input }) => `unknown dtype ${String(input)}` }),
    shape: counts,
    data_offsets: z.tuple([count, count]),
  })
  .transform(({ dtype, shape, data_offsets: [begin, end] }): Entry => ({ dtype, shape, begin, end }));

/**
 * Opens a safetensors file and checks its header, down to every tensor's place in the file.
 * @throws InputError, naming the path, if the file cannot be read or is not well-formed
 */
export function readSafetensors(path: string): Safetensors {
  const { tensors, metadata, dataStart } = withFile(path, readHeader);
  return {
    tensors,
    metadata,
    get: (name) => readTensor(path, tensors, name, dataStart),
  };
}

function readRange({ path, read }: OpenFile, begin: number, length: number): ArrayBuffer {
  const bytes = read(begin, length);
  if (bytes.length < length)
    throw new InputError(path, `it ends after ${begin + bytes.length} bytes`, WELL_FORMED);
  return bytes.buffer;
}

function readHeader(file: OpenFile) {
  refuseForeign(file);
  if (beginsWith(file, NUMPY)) throw new InputError(file.path, 'a .npy file', WELL_FORMED);
  const dataStart = LENGTH_BYTES + headerLength(file);
  const text = readRange(file, LENGTH_BYTES, dataStart - LENGTH_BYTES);
  const { __metadata__, ...infos } = parseHeader(file.path, text);
  const metadata = checkPart(file.path, '__metadata__', metadataSchema, __metadata__);
  const tensors = new Map<string, Entry>();
  for (const [name, info] of Object.entries(infos)) {
    tensors.set(name, checkPart(file.path, `tensor ${name}`, entrySchema, info));
  }
  checkExtents(file.path, tensors, file.size - dataStart);
  return { tensors, metadata, dataStart };
}

function headerLength(file: OpenFile): number {
  const { path, size } = file;
  if (size < LENGTH_BYTES) throw new InputError(path, `${size} bytes in all`, 'at least 8 bytes long');
  const length = Number(new DataView(readRange(file, 0, LENGTH_BYTES)).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES)
    throw new InputError(path, `a header of ${length} bytes`, 'at most 100 MB of header');
  if (length > size - LENGTH_BYTES) {
    throw new InputError(path, `a header of ${length} bytes in a file of ${size}`, WELL_FORMED);
  }
  return length;
}

function parseHeader(path: string, bytes: ArrayBuffer): Record<string, unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith('{')) throw new TypeError('it does not start with {');
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new InputError(
      path,
      `a header that is not a JSON object: ${(error as Error).message}`,
      WELL_FORMED,
    );
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function checkPart<T>(path: string, part: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const place = [part, ...(result.error.issues[0]?.path.map(String) ?? [])].join('.');
  throw new InputError(path, `${result.error.issues[0]?.message} (${place})`, WELL_FORMED);
}

/** Each tensor fills its byte range, and the ranges tile the data: no gap, no overlap, nothing after. */
function checkExtents(path: string, tensors: ReadonlyMap<string, Entry>, dataBytes: number): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [name, { dtype, shape, begin, end }] of inOrder) {
    const fault = (text: string) => new InputError(path, `${text} (tensor ${name})`, WELL_FORMED);
    if (begin > end) throw fault(`data_offsets run backwards, from ${begin} to ${end}`);
    if (end > dataBytes) throw fault(`data_offsets reach ${end} of ${dataBytes} bytes of data`);
    // A product too large for a double to hold exactly is larger than any file, so it differs from the right side.
    if (product(shape) * (bitsOf.get(dtype) ?? NaN) !== 8 * (end - begin)) {
      throw fault(`${end - begin} bytes cannot hold ${dtype} [${shape.join(', ')}]`);
    }
    if (begin < covered) throw fault(`data_offsets overlap those of another tensor before byte ${covered}`);
    if (begin > covered) throw fault(`${begin - covered} bytes that belong to no tensor before it`);
    covered = end;
  }
  if (covered < dataBytes)
    throw new InputError(path, `${dataBytes - covered} bytes after the last tensor`, WELL_FORMED);
}

function entryOf(path: string, tensors: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = tensors.get(name);
  if (entry) return entry;
  throw new InputError(path, `no tensor ${name}`, `asked for one of: ${someOf([...tensors.keys()])}`);
}

function readTensor(
  path: string,
  tensors: ReadonlyMap<string, Entry>,
  name: string,
  dataStart: number,
): Tensor {
  const entry = entryOf(path, tensors, name);
  const { dtype, shape } = entry;
  const decode = decoders.get(dtype);
  if (!decode)
    throw new InputError(
      path,
      `${dtype}${packing(name, tensors)} (tensor ${name})`,
      `of dtype ${[...decoders.keys()].join(', ')}`,
    );
  const data = room(path, name, shape);
  let filled = 0;
  for (const piece of piecesOf(path, entry, dataStart)) {
    const entries = decode(piece.buffer);
    data.set(entries, filled);
    filled += entries.length;
  }
  return { dtype, shape, data };
}

/** @throws InputError if there is no memory for so many entries */
function room(path: string, name: string, shape: readonly number[]): Float64Array<ArrayBuffer> {
  try {
    return new Float64Array(product(shape));
  } catch {
    throw new InputError(
      path,
      `[${shape.join(', ')}] (tensor ${name})`,
      'small enough for memory, 8 bytes an entry',
    );
  }
}

/** Words for the package that quantized a tensor, by the tensors beside it; empty if none did. */
function packing(name: string, tensors: ReadonlyMap<string, Entry>): string {
  const stem = name.replace(/\.[^.]*$/, '');
  const hasBeside = (...ends: string[]) => ends.some((end) => tensors.has(`${stem}.${end}`));
  const packageName = [...tensors.keys()].some(
    (key) => key.startsWith(`${name}.quant_state`) || key === `${name}.absmax`,
  )
    ? 'bitsandbytes'
    : hasBeside('SCB', 'weight.SCB')
      ? 'bitsandbytes, LLM.int8'
      : hasBeside('qzeros', 'g_idx')
        ? 'GPTQ or AWQ'
        : hasBeside('weight_packed', 'weight_scale', 'scales', 'weight_scale_2')
          ? 'another package'
          : null;
  return packageName === null ? '' : `, quantized by ${packageName}: dequantize it first`;
}

function* piecesOf(
  path: string,
  { begin, end }: Entry,
  dataStart: number,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = begin; at < end; at += CHUNK_BYTES) {
    const from = dataStart + at;
    yield withFile(path, (file) => new Uint8Array(readRange(file, from, Math.min(CHUNK_BYTES, end - at))));
  }
}

/** A list as it reads in a message: the first ten names, and how many were left out. */
export function someOf(names: readonly string[]): string {
  const more = names.length > 10 ? [`and ${names.length - 10} more`] : [];
  return [...names.slice(0, 10), ...more].join(', ');
}

export const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

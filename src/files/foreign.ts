/** Files that are not what their reader takes: what they are by their first bytes, and what to do about it. */
import { InputError } from '../host/inputError.js';
import type { OpenFile } from './disk.js';

const HEAD_BYTES = 512;
const UNPACKED = 'the file inside: unpack it first';
const CONVERTED =
  'a .safetensors file: convert it, with save_pretrained(..., safe_serialization=True) or safetensors.torch.save_file';
const UTF8 = 'text in UTF-8: save it so, without another encoding';

/** Beginning of the pointer that Git LFS leaves in the place of a file. */
const POINTER = /^version https:\/\/(git-lfs|hawser)/;

/** Kinds of files, by the bytes that they begin with (in latin1), with what is allowed instead. */
const kinds: readonly (readonly [pattern: RegExp, kind: string, allowed: string])[] = [
  [POINTER, 'a Git LFS pointer, without the data', 'the file itself: fetch it with git lfs pull'],
  [
    /^(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|\?xml|!--)/i,
    'a web page',
    'the file itself: download it again, from its raw address, signed in if need be',
  ],
  [/^\x1f\x8b/, 'compressed by gzip', UNPACKED],
  [/^BZh[1-9]/, 'compressed by bzip2', UNPACKED],
  [/^\xfd7zXZ\0/, 'compressed by xz', UNPACKED],
  [/^\x28\xb5\x2f\xfd/, 'compressed by zstd', UNPACKED],
  [
    /^PK(\x03\x04|\x05\x06)/,
    'a zip archive (an .npz, or a .pt or .bin of PyTorch)',
    'one array of it: save it with numpy.save as .npy, or PyTorch tensors as .safetensors',
  ],
  [/^\x80[\x02-\x05]/, 'a Python pickle (a .pt, .bin or .ckpt of PyTorch)', CONVERTED],
  [/^GGUF/, 'a GGUF file', CONVERTED],
  [/^\x89HDF\r\n/, 'an HDF5 file', CONVERTED],
  [/^PAR1/, 'a Parquet file', 'a .safetensors, .npy or .csv file'],
  [/^(\xff\xfe|\xfe\xff|\0\0\xfe\xff)/, 'text in UTF-16 or UTF-32', UTF8],
];

const latin1 = new TextDecoder('latin1');

/**
 * Tests whether a file's bytes begin as those of .safetensors: eight of the header's length, then a JSON object. A length
 * may begin as files of other kinds do, but is far below 2^40.
 */
export const beginsAsSafetensors = (bytes: Uint8Array): boolean =>
  /^[^]{5}\0{3}\{/.test(latin1.decode(bytes.subarray(0, 9)));

/** Beginning of a .npy file. */
export const NUMPY = '\x93NUMPY';

/** @throws InputError if a file has no bytes, or those of a known format that no reader takes */
export function refuseForeign({ path, size, peek }: OpenFile): void {
  if (size === 0) throw new InputError(path, 'an empty file', 'a file with something in it');
  refuseForeignBytes(path, peek(HEAD_BYTES));
}

/** Tests whether a file begins with this text, in latin1. */
export const beginsWith = ({ peek }: OpenFile, text: string): boolean =>
  latin1.decode(peek(text.length)) === text;

/** Tests whether a file's bytes are a pointer of Git LFS. */
export const isPointer = (bytes: Uint8Array): boolean =>
  POINTER.test(latin1.decode(bytes.subarray(0, HEAD_BYTES)));

function refuseForeignBytes(path: string, bytes: Uint8Array): void {
  if (beginsAsSafetensors(bytes)) return;
  const head = latin1.decode(bytes.subarray(0, HEAD_BYTES));
  const kind = kinds.find(([pattern]) => pattern.test(head));
  if (kind) throw new InputError(path, kind[1], kind[2]);
}

/**
 * The text of a file, without a byte order mark.
 * @throws InputError if the file is empty, of a format that is no text, or in another encoding than UTF-8
 */
export function textOf(path: string, bytes: Uint8Array): string {
  if (bytes.length === 0) throw new InputError(path, 'an empty file', 'a file with something in it');
  refuseForeignBytes(path, bytes);
  // Latin letters, digits and signs of UTF-16 have a zero byte each.
  const head = bytes.subarray(0, HEAD_BYTES);
  if (head.filter((byte) => byte === 0).length > head.length / 4)
    throw new InputError(path, 'text in UTF-16, or no text', UTF8);
  return new TextDecoder().decode(bytes);
}

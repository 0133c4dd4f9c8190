/**
 * 8-bit floats and the scales that checkpoints keep beside them: of a tensor, of its rows, of its columns, or of
 * blocks. An entry is its stored value times its scale, whatever the name of the scale says (`weight_scale_inv`).
 */
import { InputError } from '../host/inputError.js';
import type { Tensor, TensorInfo } from './safetensors.js';

export type Float8 = 'F8_E4M3' | 'F8_E5M2';

/** Bits of the exponent, and its bias. E4M3 has no infinity, and NaN where all other bits are set. */
const forms = { F8_E4M3: { mantissa: 3, bias: 7 }, F8_E5M2: { mantissa: 2, bias: 15 } };

function valueOf(byte: number, kind: Float8): number {
  const { mantissa, bias } = forms[kind];
  const exponent = (byte & 0x7f) >> mantissa;
  const fraction = (byte & ((1 << mantissa) - 1)) / (1 << mantissa);
  const sign = byte & 0x80 ? -1 : 1;
  if (kind === 'F8_E4M3' && (byte & 0x7f) === 0x7f) return NaN;
  if (kind === 'F8_E5M2' && exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

const tables = new Map(
  (Object.keys(forms) as Float8[]).map((kind) => [
    kind,
    Float32Array.from({ length: 256 }, (_, byte) => valueOf(byte, kind)),
  ]),
);

export function fromFloat8(kind: Float8, bytes: Uint8Array): Float32Array {
  const table = tables.get(kind)!;
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i]!]!;
  return values;
}

export const isFloat8 = ({ dtype }: TensorInfo): boolean => Object.hasOwn(forms, dtype);

/** Rows and columns of the blocks that have a scale each. */
export type Block = readonly [rows: number, cols: number];

/** Blocks of DeepSeek's checkpoints, and of others unless they name theirs. */
export const USUAL_BLOCK: Block = [128, 128];

/** The names that the scale of a tensor may have. */
export function scaleNames(name: string): string[] {
  const stem = name.replace(/\.weight$/, '');
  return [
    ...['weight_scale_inv', 'weight_scale', 'scale_weight', 'scale'].map((end) => `${stem}.${end}`),
    ...(stem === name ? ['_scale_inv', '_scale'].map((end) => name + end) : []),
  ];
}

/**
 * A tensor [..., rows, cols] times its scale: one number; [rows] or [rows, 1]; [1, cols]; or one for each block, [rows
 * / 128, cols / 128] rounded up, or by other sizes; each, for a stack of matrices, with the same leading sizes or none.
 * @throws InputError if the scale has another shape or type
 */
export function scaled(path: string, tensor: Tensor, scaleName: string, scale: Tensor, block: Block): Tensor {
  const { shape } = tensor;
  const [rows = 1, cols = 1] = shape.slice(-2);
  const matrices = tensor.data.length / (rows * cols);
  const grid = gridOf(scale.shape, shape, block);
  if (!grid || shape.length < 2)
    throw new InputError(
      path,
      `scales of shape [${scale.shape.join(', ')}] for a tensor of shape [${shape.join(', ')}] (${scaleName})`,
      `one scale for the tensor, a row, a column, or a block of ${block.join(' x ')}`,
    );
  const scalesPerMatrix = grid.rows * grid.cols;
  const data = tensor.data.map((value, k) => {
    const matrix = Math.floor(k / (rows * cols));
    const i = Math.floor(k / cols) % rows;
    const row = grid.rows === rows ? i : Math.floor(i / (grid.rows === 1 ? rows : block[0]));
    const j = k % cols;
    const col = grid.cols === cols ? j : Math.floor(j / (grid.cols === 1 ? cols : block[1]));
    const from = scale.data.length === scalesPerMatrix * matrices ? matrix * scalesPerMatrix : 0;
    return value * scale.data[from + row * grid.cols + col]!;
  });
  return { dtype: tensor.dtype, shape, data };
}

/** Rows and columns of the scales of one matrix; null if their shape fits none. */
function gridOf(
  scale: readonly number[],
  shape: readonly number[],
  block: Block,
): { rows: number; cols: number } | null {
  const [rows = 1, cols = 1] = shape.slice(-2);
  const leading = shape.slice(0, -2);
  const sizes = scale.filter((n) => n !== 1).length === 0 ? [] : [...scale];
  if (sizes.length === 0) return { rows: 1, cols: 1 };
  const matrixSizes =
    leading.length > 0 && leading.every((n, i) => n === sizes[i]) ? sizes.slice(leading.length) : sizes;
  if (matrixSizes.length === 0 || matrixSizes.every((n) => n === 1)) return { rows: 1, cols: 1 };
  if (matrixSizes.length === 1) return matrixSizes[0] === rows ? { rows, cols: 1 } : null;
  const [down, across] = matrixSizes;
  if (matrixSizes.length !== 2) return null;
  const fits =
    (down === rows && across === 1) ||
    (down === 1 && across === cols) ||
    (down === Math.ceil(rows / block[0]) && across === Math.ceil(cols / block[1]));
  return fits ? { rows: down!, cols: across! } : null;
}

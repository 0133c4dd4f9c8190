/** Adapters from a safetensors file: `lora_A` [r, m] and `lora_B` [n, r], or stacks of them [trials, ...]. */
import { dense, type Dense } from '../numbers/dense.js';
import type { Adapter } from '../ensemble/adapter.js';
import { readSafetensors, type Tensor } from '../files/safetensors.js';
import { InputError } from '../inputError.js';

/**
 * Reads the adapters of one rank; names may carry PEFT's prefix and `.weight`.
 * @throws InputError if there is not exactly one pair of tensors, a shape does not fit, or an entry is not finite
 */
export function readAdapters(file: string, { n, m }: { n: number; m: number }, rank: number): Adapter[] {
  const loraA = stack(file, 'lora_A', rank, m);
  const loraB = stack(file, 'lora_B', n, rank);
  if (loraA.length !== loraB.length) {
    throw new InputError(
      file,
      `${loraA.length} lora_A and ${loraB.length} lora_B`,
      'as many of one as of the other',
    );
  }
  return loraA.map((a, i) => ({ loraA: a, loraB: loraB[i] as Dense }));
}

function stack(file: string, part: 'lora_A' | 'lora_B', rows: number, cols: number): Dense[] {
  const tensors = readSafetensors(file);
  const names = [...tensors.tensors.keys()].filter((name) => name.split('.').includes(part));
  if (names.length !== 1)
    throw new InputError(file, `${names.length} tensors named ${part}`, 'a file with exactly one');
  const { shape, data }: Tensor = tensors.get(names[0] as string);
  const [r, c] = shape.slice(-2);
  if (shape.length < 2 || shape.length > 3 || r !== rows || c !== cols) {
    throw new InputError(
      file,
      `${part} of shape [${shape}]`,
      `of shape [${rows}, ${cols}] or [trials, ${rows}, ${cols}]`,
    );
  }
  if (!data.every((entry) => Number.isFinite(Math.fround(entry))))
    throw new InputError(file, `${part} with NaN, infinity or beyond float32`, 'finite in float32');
  const size = rows * cols;
  return Array.from({ length: data.length / size }, (_, i) =>
    dense(rows, cols, data.slice(i * size, (i + 1) * size)),
  );
}

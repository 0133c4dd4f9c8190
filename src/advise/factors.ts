/** The factors of adapters in the type in which they are written, and the error that they have in it. */
import { toHalf, type Half } from '../files/floatFormats.js';
import { fromHalf } from '../files/safetensors.js';
import { turnEventLoop } from '../host/eventLoop.js';
import { InputError } from '../host/inputError.js';
import { dense, leadingColumns, transposed, type Dense } from '../numbers/dense.js';
import type { Triples } from '../numbers/triples.js';
import type { Allocation, Weight } from './advise.js';
import { balancedFactors } from './change.js';
import type { AdapterType } from './config.js';
import type { Source } from './source.js';

/** A tensor of an adapter in the type of its file. */
type Stored =
  | { readonly dtype: 'F32'; readonly data: Float32Array }
  | { readonly dtype: Half; readonly data: Uint16Array };

/** Factors of a weight's update, D = B A. */
export interface Factors {
  readonly weight: Weight;
  readonly rank: number;
  /** B [rows, rank]. */
  readonly loraB: Stored;
  /** A [rank, cols]. */
  readonly loraA: Stored;
}

const halves: Readonly<Partial<Record<AdapterType, Half>>> = { bfloat16: 'BF16', float16: 'F16' };

/** Entries in a type, and the numbers that these are. */
function cast(
  { rows, cols, data }: Dense,
  type: AdapterType,
): { readonly stored: Stored; readonly values: Dense } {
  const half = halves[type];
  const stored: Stored =
    half === undefined
      ? { dtype: 'F32', data: Float32Array.from(data) }
      : { dtype: half, data: toHalf(data, half) };
  const values = Float64Array.from(
    stored.dtype === 'F32' ? stored.data : fromHalf(toHalf(data, stored.dtype), stored.dtype),
  );
  if (!values.every(Number.isFinite))
    throw new InputError('dtype', type, 'a type that holds the factors: some entry is beyond its range');
  return { stored, values: dense(rows, cols, values) };
}

/**
 * The factors of each allocation, and the relative Frobenius error of all updates together that they have once they are
 * in their type, measured on the updates themselves, which are read again.
 * @param kept of each weight, the leading triples, as many as any allocation takes
 * @throws InputError if the type does not hold a factor
 */
export async function writtenFactors(
  source: Source,
  weights: readonly Weight[],
  kept: readonly Triples[],
  allocations: readonly Allocation[],
  type: AdapterType,
): Promise<{ readonly factors: readonly Factors[]; readonly error: number }[]> {
  const results = allocations.map(() => ({ factors: [] as Factors[], left: 0 }));
  let all = 0;
  for (const [i, weight] of weights.entries()) {
    const ranks = allocations.map(({ ranks: each }) => each[i]!);
    const most = Math.max(...ranks);
    const squares = weight.norm ** 2;
    all += squares;
    if (most === 0) for (const result of results) result.left += squares;
    if (most === 0) continue;
    const change = source.read(weight).change!;
    const { x, y } = balancedFactors(kept[i]!, most);
    for (const [k, rank] of ranks.entries()) {
      if (rank === 0) results[k]!.left += squares;
      if (rank === 0) continue;
      const b = cast(leadingColumns(x, rank), type);
      const a = cast(transposed(leadingColumns(y, rank)), type);
      results[k]!.left += change.leftBy(b.values, transposed(a.values));
      results[k]!.factors.push({ weight, rank, loraB: b.stored, loraA: a.stored });
    }
    await turnEventLoop();
  }
  return results.map(({ factors, left }) => ({ factors, error: Math.sqrt(left / all) }));
}

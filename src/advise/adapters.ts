/**
 * Adapters as PEFT loads them, adapter_config.json and adapter_model.safetensors for each budget. A weight's factors are
 * measured and written before the next is read.
 */
import { toHalf, type Half } from '../files/floatFormats.js';
import { fromHalf } from '../files/safetensors.js';
import type { PlannedTensor, SafetensorsWriter, WrittenData } from '../files/safetensorsWriter.js';
import { turnEventLoop } from '../host/eventLoop.js';
import { InputError } from '../host/inputError.js';
import { dense, leadingColumns, transposed, type Dense } from '../numbers/dense.js';
import type { Advised, AdviseProgress, Weight } from './advise.js';
import type { Budget } from './budget.js';
import { balancedFactors } from './change.js';
import type { AdapterType, AdviseConfig } from './config.js';

const types: Readonly<Record<AdapterType, 'F32' | Half>> = {
  float32: 'F32',
  bfloat16: 'BF16',
  float16: 'F16',
};

/** A weight and its rank in an adapter. */
interface Ranked {
  readonly weight: Weight;
  readonly rank: number;
}

type Names = AdviseConfig['names'];

const moduleOf = (weight: Weight, names: Names): string =>
  (names === 'base' ? weight.name : weight.tunedName).replace(/\.weight$/, '');

const keyOf = (weight: Weight, part: 'A' | 'B', names: Names): string =>
  `base_model.model.${moduleOf(weight, names)}.lora_${part}.weight`;

/** A name as a regular expression that matches it alone. */
const exactly = (module: string): string => `^${module.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)}$`;

/**
 * The adapter_config.json of an adapter with ranks of its own for each module. PEFT takes a module's rank and alpha from
 * the first pattern that matches: both are there for each, and alpha is the rank, so that W = W0 + B A.
 * @param base path of the checkpoint that it belongs to
 */
export function adapterConfig(base: string, adapter: readonly Ranked[], names: Names): object {
  const ranks = Object.fromEntries(
    adapter.map(({ weight, rank }) => [exactly(moduleOf(weight, names)), rank]),
  );
  const most = Math.max(...adapter.map(({ rank }) => rank));
  return {
    peft_type: 'LORA',
    task_type: null,
    base_model_name_or_path: base,
    inference_mode: true,
    r: most,
    lora_alpha: most,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: adapter.some(({ weight }) => weight.layout === 'conv1d'),
    init_lora_weights: true,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    target_modules: adapter.map(({ weight }) => moduleOf(weight, names)),
    rank_pattern: ranks,
    alpha_pattern: ranks,
  };
}

/** Shapes of A and B, those of a convolution with the sides of its kernel. */
function plannedTensors(
  { weight, rank }: Ranked,
  names: Names,
  type: AdapterType,
): [string, PlannedTensor][] {
  const isConvolution = weight.layout === 'conv2d';
  const dtype = types[type];
  return [
    [
      keyOf(weight, 'A', names),
      { dtype, shape: [rank, ...(isConvolution ? weight.shape.slice(1) : [weight.cols])] },
    ],
    [keyOf(weight, 'B', names), { dtype, shape: [weight.rows, rank, ...(isConvolution ? [1, 1] : [])] }],
  ];
}

/** Entries in a type, and the numbers that these are. @throws InputError if one is beyond its range */
function cast(
  { rows, cols, data }: Dense,
  type: AdapterType,
): { readonly stored: WrittenData; readonly values: Dense } {
  const dtype = types[type];
  const stored: WrittenData =
    dtype === 'F32' ? { data: Float32Array.from(data) } : { dtype, data: toHalf(data, dtype) };
  const values = Float64Array.from(
    dtype === 'F32' ? stored.data : fromHalf(Uint16Array.from(stored.data), dtype),
  );
  if (!values.every(Number.isFinite))
    throw new InputError('dtype', type, 'a type that holds the factors: some entry is beyond its range');
  return { stored, values: dense(rows, cols, values) };
}

/** Names of the files of an adapter. */
export const CONFIG_FILE = 'adapter_config.json';
export const TENSORS_FILE = 'adapter_model.safetensors';

/** Where the files of an adapter go. */
export interface AdapterFiles {
  /** Takes the text of CONFIG_FILE. */
  config(text: string): void;
  /** Begins TENSORS_FILE. */
  tensors(
    planned: Readonly<Record<string, PlannedTensor>>,
    metadata: Readonly<Record<string, string>>,
  ): SafetensorsWriter;
}

/**
 * Writes an adapter for each budget that has room for a direction.
 * @param filesOf gives the files of the adapter of a budget
 * @returns of each budget, the relative Frobenius error of all updates together that the factors have in their type,
 *   measured on the updates, which are read again
 * @throws InputError if a file cannot be written, or the type does not hold a factor
 */
export async function writeAdapters(
  filesOf: (budget: Budget) => AdapterFiles,
  base: string,
  { advice, source, kept }: Advised,
  { names, dtype }: Pick<AdviseConfig, 'names' | 'dtype'>,
  progress: AdviseProgress,
): Promise<number[]> {
  const { weights } = advice;
  const adapters = advice.budgets.map(({ budget, ranks, parameters }) => {
    if (parameters === 0) return { ranks, file: null };
    const adapter = weights.map((weight, i) => ({ weight, rank: ranks[i]! })).filter(({ rank }) => rank > 0);
    const files = filesOf(budget);
    files.config(`${JSON.stringify(adapterConfig(base, adapter, names), null, 2)}\n`);
    const planned = adapter.flatMap((each) => plannedTensors(each, names, dtype));
    return { ranks, file: files.tensors(Object.fromEntries(planned), { format: 'pt' }) };
  });
  const left = adapters.map(() => 0);
  let all = 0;
  progress.start(weights.length, 'written');
  try {
    for (const [i, weight] of weights.entries()) {
      const squares = weight.norm ** 2;
      all += squares;
      const most = Math.max(...adapters.map(({ ranks }) => ranks[i]!));
      const change = most > 0 ? source.read(weight).change! : null;
      const triples = change && ((await kept?.(weight)) ?? change.leading(weight.sigma.length));
      const factors = triples && balancedFactors(triples, most);
      for (const [k, { ranks, file }] of adapters.entries()) {
        const rank = ranks[i]!;
        if (rank === 0 || !change || !factors || !file) {
          left[k]! += squares;
          continue;
        }
        const a = cast(transposed(leadingColumns(factors.y, rank)), dtype);
        const b = cast(leadingColumns(factors.x, rank), dtype);
        left[k]! += change.leftBy(b.values, transposed(a.values));
        file.write(keyOf(weight, 'A', names), a.stored);
        file.write(keyOf(weight, 'B', names), b.stored);
      }
      await progress.done(i + 1);
      await turnEventLoop();
    }
    for (const { file } of adapters) file?.finish();
  } finally {
    for (const { file } of adapters) file?.discard();
  }
  return left.map((squares) => Math.sqrt(squares / all));
}

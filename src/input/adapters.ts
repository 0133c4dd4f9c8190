/**
 * Adapters from a safetensors file or PEFT's folder: `lora_A` [r, m] and `lora_B` [n, r], or stacks of them
 * [trials, ...], of one module: `PATH#module.name` where there are several.
 */
import { dense, type Dense } from '../numbers/dense.js';
import type { Adapter } from '../ensemble/adapter.js';
import { openCheckpoint, type Checkpoint } from '../files/checkpoint.js';
import { isThere } from '../files/disk.js';
import { parseLocation } from '../files/location.js';
import { product, someOf } from '../files/safetensors.js';
import { say } from '../files/say.js';
import { InputError } from '../host/inputError.js';
import { adapterScale, type AdapterScale } from './adapterConfig.js';

export interface StoredAdapters {
  readonly adapters: readonly Adapter[];
  /** Scale by the adapter_config.json beside the file; null without one. */
  readonly scale: AdapterScale | null;
}

/** Whether a start is a file or folder of adapters: by its ending, or because it is there. */
export const isAdapterFile = (spec: string): boolean =>
  /\.safetensors(#.*)?$/is.test(spec) || isThere(parseLocation(spec).path);

/** `base_model.model.MODULE.lora_A.default.weight`, all but `lora_A` optional. */
const FACTOR = /^(?:base_model\.model\.)?(?:(.*)\.)?lora_([AB])(?:\.(?!weight$|bias$)[^.]+)?(?:\.weight)?$/s;

/** What keys say of adapters that are no plain LoRA. */
const others: readonly (readonly [key: RegExp, name: string])[] = [
  [/(^|\.)lora_magnitude_vector(\.|$)/, 'DoRA'],
  [/(^|\.)lora_(E|ranknum)(\.|$)/, 'AdaLoRA'],
  [/(^|\.)lora_embedding_[AB](\.|$)/, "an embedding's LoRA"],
  [/(^|\.)lora_B(\.[^.]+)?\.bias$/, 'LoRA with a bias'],
  [/(^|\.)hada_/, 'LoHa'],
  [/(^|\.)lokr_/, 'LoKr'],
  [/(^|\.)ia3_/, 'IA3'],
  [/(^|\.)(vera_lambda|oft_|boft_|bone_|hra_|prompt_embeddings)/, 'another method of PEFT'],
  [/(^|\.)lora_(down|up)(\.|$)/, 'kohya keys, to be renamed lora_A and lora_B'],
];

interface Factors {
  a?: string;
  b?: string;
}

/**
 * Reads the adapters of one rank; names may carry PEFT's prefix, the adapter's name and `.weight`.
 * @throws InputError if there is no such module or more than one, it is no plain LoRA, a shape does not fit, or an
 *   entry is not finite
 */
export function readAdapters(
  location: string,
  { n, m }: { n: number; m: number },
  rank: number,
): StoredAdapters {
  const { path, tensor } = parseLocation(location);
  const file = openCheckpoint(path, 'adapter_model');
  const module = moduleOf(location, file, tensor);
  const scale = adapterScale(file.path, module.name);
  const loraA = stack(location, file, 'lora_A', module.a, rank, m);
  const loraB = stack(location, file, 'lora_B', module.b, n, rank);
  if (loraA.length !== loraB.length) {
    throw new InputError(
      location,
      `${loraA.length} lora_A and ${loraB.length} lora_B`,
      'as many of one as of the other',
    );
  }
  if (scale && scale.rank !== rank)
    throw new InputError(location, `rank ${rank}, and ${scale.rank} by adapter_config.json`, 'of one rank');
  return { adapters: loraA.map((a, i) => ({ loraA: a, loraB: loraB[i] as Dense })), scale };
}

/** Tests whether a name is that of a factor of an adapter of whatever kind. */
export const isFactor = (name: string): boolean =>
  FACTOR.test(name) || others.some(([key]) => key.test(name));

/**
 * The modules that a file of adapters has factors of, and their rank and shape.
 * @throws InputError if a factor is there twice or alone, or a key is that of another method
 */
export function adapterModules(path: string): ReadonlyMap<string, { n: number; m: number; rank: number }> {
  const file = openCheckpoint(path, 'adapter_model');
  refuseOthers(path, file, null);
  return new Map(
    [...modulesIn(path, file)].map(([name, { a, b }]) => {
      if (a === undefined || b === undefined)
        throw new InputError(path, `${a ?? b} alone`, 'a file with lora_A and lora_B of each module');
      const [rank = 0, ...inputs] = file.info(a).shape;
      const [n = 0] = file.info(b).shape;
      return [name, { n, m: product(inputs), rank }];
    }),
  );
}

/** The modules of a file, and the names of their factors. */
function modulesIn(location: string, file: Checkpoint): Map<string, Factors> {
  const modules = new Map<string, Factors>();
  for (const name of file.names) {
    const [, module = '', part] = FACTOR.exec(name) ?? [];
    if (part === undefined) continue;
    const factors = modules.get(module) ?? {};
    const key = part === 'A' ? 'a' : 'b';
    if (factors[key] !== undefined)
      throw new InputError(
        location,
        `two lora_${part} of ${module}`,
        `a file with one adapter for each module: one of ${factors[key]}, ${name}`,
      );
    modules.set(module, { ...factors, [key]: name });
  }
  return modules;
}

/** The module whose factors are meant, and their names in the file. */
function moduleOf(location: string, file: Checkpoint, asked: string | undefined) {
  const modules = modulesIn(location, file);
  const wanted = asked?.replace(/^base_model\.model\./, '').replace(/\.weight$/, '');
  const exact = wanted === undefined ? undefined : modules.has(wanted) ? [wanted] : undefined;
  const matches =
    exact ?? [...modules.keys()].filter((name) => wanted === undefined || name.endsWith(`.${wanted}`));
  refuseOthers(location, file, matches.length === 1 ? matches[0]! : null);
  if (matches.length !== 1) {
    const names = matches.length > 0 ? matches : [...modules.keys()];
    throw new InputError(
      location,
      `${matches.length} modules with lora_A and lora_B${wanted === undefined ? '' : ` named ${wanted}`}`,
      names.length > 0
        ? `${file.path}#NAME, with NAME one of: ${someOf(names)}`
        : 'a file with lora_A and lora_B',
    );
  }
  const name = matches[0]!;
  const { a, b } = modules.get(name)!;
  if (a === undefined || b === undefined)
    throw new InputError(location, `${a ?? b} alone`, 'a file with lora_A and lora_B of each module');
  return { name, a, b };
}

/** @throws InputError if a key of the module (of no module: any key) is that of another method */
function refuseOthers(location: string, file: Checkpoint, module: string | null): void {
  const ofModule = (name: string) =>
    module === null || module === '' || name.replace(/^base_model\.model\./, '').startsWith(`${module}.`);
  for (const name of file.names.filter(ofModule)) {
    const other = others.find(([key]) => key.test(name));
    if (other)
      throw new InputError(location, `${other[1]} (${name})`, 'a plain LoRA: lora_A and lora_B alone');
  }
}

function stack(
  location: string,
  file: Checkpoint,
  part: string,
  name: string,
  rows: number,
  cols: number,
): Dense[] {
  const { shape } = file.info(name);
  if (shape.length === 1 && shape[0] === 0)
    throw new InputError(
      location,
      `${part} of shape [0]`,
      'a whole tensor: this is the placeholder that DeepSpeed ZeRO-3 saves; gather the weights first (zero_to_fp32.py)',
    );
  // A convolution's A is [r, in, h, w] and its B [out, r, 1, 1]: B A is the flattened change of its weight.
  const sizes = shape.length === 4 ? [shape[0]!, shape.slice(1).reduce((all, k) => all * k, 1)] : shape;
  if (shape.length === 4)
    say(`${location}: ${part} [${shape.join(', ')}] is flattened to [${sizes.join(', ')}]: a convolution's`);
  const [r, c] = sizes.slice(-2);
  if (sizes.length < 2 || sizes.length > 3 || r !== rows || c !== cols) {
    throw new InputError(
      location,
      `${part} of shape [${shape}]`,
      `of shape [${rows}, ${cols}] or [trials, ${rows}, ${cols}]`,
    );
  }
  const { data } = file.get(name);
  if (!data.every((entry) => Number.isFinite(Math.fround(entry))))
    throw new InputError(location, `${part} with NaN, infinity or beyond float32`, 'finite in float32');
  const size = rows * cols;
  return Array.from({ length: data.length / size }, (_, i) =>
    dense(rows, cols, data.slice(i * size, (i + 1) * size)),
  );
}

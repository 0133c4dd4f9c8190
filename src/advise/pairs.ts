/** The weights that two checkpoints both have and LoRA adapts, and what is left out of them and why. */
import { besideOf, type Checkpoint } from '../files/checkpoint.js';
import { isConv1D } from '../files/conv1D.js';
import { isThere } from '../files/disk.js';
import { isFloat8, scaleNames } from '../files/float8.js';
import { isFloat } from '../files/floatFormats.js';
import { readJson } from '../files/json.js';
import { product, type TensorInfo } from '../files/safetensors.js';
import { matchNames, type Renaming } from './names.js';

/** How a weight is stored: [out, in]; [in, out], of Conv1D layers; or [out, in, height, width]. */
export type Layout = 'linear' | 'conv1d' | 'conv2d';

/** A weight W [rows, cols] of both checkpoints, of a convolution flattened to [out, in height width]. */
export interface Pair {
  /** Its name in BASE. */
  readonly name: string;
  /** Its name in TUNED. */
  readonly tunedName: string;
  readonly layout: Layout;
  /** As it is stored. */
  readonly shape: readonly number[];
  readonly rows: number;
  readonly cols: number;
}

export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

export interface Pairs {
  readonly pairs: readonly Pair[];
  /** Tensors of either that no adapter of Linear layers and convolutions can change, or that cannot be compared. */
  readonly leftOut: readonly LeftOut[];
  /** Names of vectors (biases, norms) that both have: [in BASE, in TUNED]. */
  readonly vectors: readonly (readonly [string, string])[];
  /** What names of BASE begin with, and those of TUNED in its place; null where they are the same. */
  readonly renaming: Renaming | null;
  /** Entries of all tensors of BASE. */
  readonly parameters: number;
}

/** Modules that look up rows of their weights. */
const EMBEDDING =
  /^((\w*_)?embed(ding|dings|s)?|embed_(tokens|positions|in)\w*|wte|wpe|shared|relative_attention_bias)$/i;

/** Names of tensors, those of scales of 8-bit ones left out. */
function tensorNames(file: Checkpoint): string[] {
  const scales = new Set(file.names.filter((name) => isFloat8(file.info(name))).flatMap(scaleNames));
  return file.names.filter((name) => !scales.has(name));
}

/**
 * The pairs of two checkpoints, or of a checkpoint and the modules of an adapter, whose weights have the names
 * `MODULE.weight`. Headers alone are read.
 * @throws InputError if an index names what is not there
 */
export function pairsOf(base: Checkpoint, tuned: Checkpoint | readonly string[]): Pairs {
  const ofBase = tensorNames(base);
  const ofTuned = 'names' in tuned ? tensorNames(tuned) : tuned;
  const { matches, renaming } = matchNames(ofBase, ofTuned);
  const tied = tiesEmbeddings(base);
  const pairs: Pair[] = [];
  const leftOut: LeftOut[] = [];
  const vectors: [string, string][] = [];
  for (const name of ofBase) {
    const tunedName = matches.get(name);
    if (tunedName === undefined) {
      if ('names' in tuned) leftOut.push({ name, reason: 'not in TUNED' });
      continue;
    }
    const info = base.info(name);
    const other = 'names' in tuned ? tuned.info(tunedName) : info;
    const reason = obstacle(name, info, other, tied);
    if (reason !== null) leftOut.push({ name, reason });
    else if (info.shape.length < 2) vectors.push([name, tunedName]);
    else pairs.push(pairOf(base, name, tunedName, info));
  }
  const found = new Set(matches.values());
  for (const name of ofTuned) if (!found.has(name)) leftOut.push({ name, reason: 'not in BASE' });
  const parameters = ofBase.reduce((sum, name) => sum + product(base.info(name).shape), 0);
  return { pairs, leftOut, vectors, renaming, parameters };
}

function pairOf(base: Checkpoint, name: string, tunedName: string, { shape }: TensorInfo): Pair {
  const [first, ...rest] = shape as [number, ...number[]];
  const common = { name, tunedName, shape };
  if (shape.length === 4) return { ...common, layout: 'conv2d', rows: first, cols: product(rest) };
  return isConv1D(base, name)
    ? { ...common, layout: 'conv1d', rows: rest[0]!, cols: first }
    : { ...common, layout: 'linear', rows: first, cols: rest[0]! };
}

/** Why the update of a tensor is none that LoRA adapters of Linear layers and convolutions hold; null if it is one. */
function obstacle(name: string, base: TensorInfo, tuned: TensorInfo, tied: boolean): string | null {
  const module = name.split('.').at(-2) ?? '';
  const size = ({ shape }: TensorInfo) => `[${shape.join(', ')}]`;
  const unread = [base, tuned].find(({ dtype }) => !isFloat(dtype));
  if (unread) return `${unread.dtype}, no floating-point numbers that are read`;
  if (size(base) !== size(tuned)) return `${size(tuned)} in TUNED, ${size(base)} in BASE`;
  if (product(base.shape) === 0) return `${size(base)}, empty`;
  if (base.shape.length < 2) return null;
  if (EMBEDDING.test(module)) return 'an embedding, not a Linear layer';
  if (tied && module === 'lm_head') return 'tied to the embeddings, by config.json';
  if (!name.endsWith('.weight'))
    return base.shape.length === 3
      ? 'a stack of matrices, such as experts, not a Linear layer'
      : 'a parameter that is no weight of a Linear layer';
  if (base.shape.length === 4 && base.shape[1] === 1) return 'a depthwise convolution';
  if (base.shape.length !== 2 && base.shape.length !== 4) return `of ${base.shape.length} dimensions`;
  return null;
}

function tiesEmbeddings(base: Checkpoint): boolean {
  const path = besideOf(base.path, 'config.json');
  return isThere(path) && readJson(path)['tie_word_embeddings'] === true;
}

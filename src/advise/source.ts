/** Where updates of weights are read: from two checkpoints, or from a checkpoint and an adapter of PEFT. */
import { openCheckpoint, type Checkpoint } from '../files/checkpoint.js';
import { scaleOf } from '../ensemble/scaling.js';
import { InputError } from '../host/inputError.js';
import { startThatChangedBase } from '../input/adapterConfig.js';
import { adapterModules, isFactor, readAdapters } from '../input/adapters.js';
import { dense, scaled, transposed } from '../numbers/dense.js';
import { denseChange, factoredChange, type Change } from './change.js';
import { openInputs, type Inputs } from './inputs.js';
import { pairsOf, type Pair, type Pairs } from './pairs.js';
import { roundingOf, roundingVariance, type Rounding } from './rounding.js';

/** A pair that has been read. */
export interface Reading {
  /** What training changed; null if nothing. */
  readonly change: Change | null;
  /** |W0|_F^2; null of adapters, beside which BASE is not read. */
  readonly baseSquares: number | null;
  /** What rounding to the types of the checkpoints is in the change; null of adapters. Reads both again. */
  rounding(): Rounding | null;
}

export interface Source extends Pairs {
  /** Second moments of the inputs of weights; null without statistics. */
  readonly inputs: Inputs | null;
  /** Files of BASE and of TUNED that what is read may come from. */
  readonly files: { readonly base: readonly string[]; readonly tuned: readonly string[] };
  readonly tunedIsAdapter: boolean;
  /** @throws InputError if a weight cannot be read or has entries that are not finite in float32 */
  read(pair: Pair): Reading;
  /** How many vectors, such as biases and norms, differ. */
  changedVectors(): number;
}

/**
 * @param stats path of statistics that have inputs
 * @throws InputError if either is none, they have no weight in common that LoRA adapts, or statistics do not fit
 */
export function openSource(
  basePath: string,
  tunedPath: string,
  roundedBase: boolean,
  stats?: string,
): Source {
  const base = openCheckpoint(basePath);
  if (base.names.some(isFactor))
    throw new InputError(
      basePath,
      'an adapter',
      'the checkpoint of a whole model: BASE comes first, then TUNED',
    );
  const tuned = openCheckpoint(tunedPath);
  const source = tuned.names.some(isFactor)
    ? adapterSource(base, tuned)
    : checkpointSource(base, tuned, roundedBase);
  if (source.pairs.length > 0)
    return { ...source, inputs: stats === undefined ? null : openInputs(stats, source.pairs) };
  const [first] = source.leftOut;
  throw new InputError(
    tunedPath,
    'no weight of a Linear layer or a convolution that BASE has too',
    `trained from BASE${first ? ` (${first.name}: ${first.reason})` : ''}`,
  );
}

function checkpointSource(base: Checkpoint, tuned: Checkpoint, roundedBase: boolean): Omit<Source, 'inputs'> {
  const pairs = pairsOf(base, tuned);
  return {
    ...pairs,
    files: { base: base.files, tuned: tuned.files },
    tunedIsAdapter: false,
    read: (pair) => readPair(base, tuned, pair, roundedBase),
    changedVectors: () =>
      pairs.vectors.filter(([name, tunedName]) => {
        const [before, after] = [base.get(name).data, tuned.get(tunedName).data];
        return after.some((value, i) => value !== before[i]);
      }).length,
  };
}

function readPair(base: Checkpoint, tuned: Checkpoint, pair: Pair, roundedBase: boolean): Reading {
  const before = finiteEntries(base, pair.name);
  const data = finiteEntries(tuned, pair.tunedName);
  let [equal, baseSquares, squares] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const value = before[i]!;
    const moved = data[i]! - value;
    if (moved === 0) equal++;
    baseSquares += value * value;
    squares += moved * moved;
    data[i] = moved;
  }
  const { rows, cols } = pair;
  const stored = pair.layout === 'conv1d' ? transposed(dense(cols, rows, data)) : dense(rows, cols, data);
  return {
    change: equal === data.length ? null : denseChange(stored),
    baseSquares,
    rounding() {
      const variance =
        roundingVariance(tuned, pair.tunedName) + (roundedBase ? roundingVariance(base, pair.name) : 0);
      return roundingOf(pair, Math.sqrt(variance), { equal, squares });
    },
  };
}

function finiteEntries(file: Checkpoint, name: string): Float64Array {
  const { data } = file.get(name);
  let bad = 0;
  for (const value of data) if (!Number.isFinite(Math.fround(value))) bad++;
  if (bad > 0)
    throw new InputError(
      file.path,
      `${bad} of ${data.length} entries NaN, infinite or beyond float32 (tensor ${name})`,
      'finite in every entry',
    );
  return data;
}

function adapterSource(base: Checkpoint, tuned: Checkpoint): Omit<Source, 'inputs'> {
  const { path } = tuned;
  const start = startThatChangedBase(path);
  if (start !== null)
    throw new InputError(
      path,
      `an adapter that began from init_lora_weights ${start}`,
      'relative to BASE as it is: PEFT changed the base of this one; convert it (path_initial_model_for_weight_conversion)',
    );
  const modules = adapterModules(path);
  const pairs = pairsOf(
    base,
    [...modules.keys()].map((module) => `${module}.weight`),
  );
  return {
    ...pairs,
    files: { base: base.files, tuned: tuned.files },
    tunedIsAdapter: true,
    read(pair) {
      const module = pair.tunedName.replace(/\.weight$/, '');
      const { adapters, scale } = readAdapters(
        `${path}#${module}`,
        { n: pair.rows, m: pair.cols },
        modules.get(module)!.rank,
      );
      if (scale === null)
        throw new InputError(
          path,
          'no adapter_config.json beside it',
          'in a folder with one: its scale is unknown',
        );
      if (adapters.length > 1)
        throw new InputError(
          path,
          `a stack of ${adapters.length} adapters of ${module}`,
          'one adapter of each module',
        );
      const { loraA, loraB } = adapters[0]!;
      const x = scaled(loraB, scaleOf(scale.scaling, scale.alpha, scale.rank));
      const isZero = [x, loraA].some(({ data }) => data.every((value) => value === 0));
      return {
        change: isZero ? null : factoredChange(x, transposed(loraA)),
        baseSquares: null,
        rounding: () => null,
      };
    },
    changedVectors: () => 0,
  };
}

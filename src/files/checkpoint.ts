/**
 * Checkpoints: a .safetensors file, an index that says which file has which tensor, or a folder with either. The index
 * is the list of what is read: other files in the folder are not. Without one, a folder of all shards of a checkpoint is
 * read as their names have it. One tensor is read at a time.
 */
import { InputError } from '../host/inputError.js';
import { isThere, namesIn, readBytes, withFile } from './disk.js';
import { isFloat8, scaled, scaleNames, USUAL_BLOCK, type Block } from './float8.js';
import { beginsAsSafetensors, textOf } from './foreign.js';
import { toSpacings } from './floatFormats.js';
import { readJson } from './json.js';
import { readSafetensors, someOf, type Safetensors, type Tensor, type TensorInfo } from './safetensors.js';

export interface Checkpoint {
  /** The file, or the index. */
  readonly path: string;
  /** All files that what is read may come from, configs beside them among these. */
  readonly files: readonly string[];
  readonly names: readonly string[];
  /**
   * The names of those that may be matrices, scales of others left out: of an index, all, as the files that it names
   * are not opened for it.
   */
  readonly matrices: readonly string[];
  /** The name of a tensor as it is there, asked for with or without `.weight`; null if there is none. */
  nameOf(request: string): string | null;
  /** Type and shape of a tensor, from the header. */
  info(name: string): TensorInfo;
  /** Reads a tensor, an 8-bit one times its scale. @throws InputError */
  get(name: string): Tensor;
  /**
   * The distance of each entry of a tensor of floats to the next number that its type has (its ulp), of an 8-bit one
   * times its scale. @throws InputError
   */
  spacings(name: string): Tensor;
}

const INDEX = /\.safetensors\.index\.json$/;
const CONVERTED =
  '.safetensors files: convert the checkpoint with save_pretrained(..., safe_serialization=True)';

/**
 * The checkpoint of a file, an index or a folder, also one in the cache of Hugging Face.
 * @param first the name, without its ending, that is taken where a folder has several
 * @throws InputError if it is none
 */
export function openCheckpoint(path: string, first = 'model'): Checkpoint {
  const names = namesIn(path);
  if (names?.includes('snapshots')) return openCheckpoint(snapshotOf(path), first);
  const shards = names && shardsIn(path, names);
  if (shards) return openShards(path, shards);
  if (names) return openCheckpoint(join(path, fileOf(path, names, first)));
  return /\.json$/i.test(path) || isIndex(path) ? openIndex(path) : checkpoint(path, openFile(path));
}

/** Tests whether a file begins as .safetensors files do. */
export const isSafetensors = (path: string): boolean =>
  withFile(path, ({ peek }) => beginsAsSafetensors(peek(9)));

/** Tests whether a file that is named otherwise begins as an index does, as those in caches of Hugging Face. */
export const isIndex = (path: string): boolean =>
  withFile(path, ({ peek }) => /^\s*\{\s*"(metadata|weight_map)"/.test(new TextDecoder().decode(peek(256))));

/** Path of a file in a folder, as paths are written on this system. */
const join = (folder: string, name: string) => (/[\\/]$/.test(folder) ? folder + name : `${folder}/${name}`);

/** The path of a file beside another. */
export const besideOf = (path: string, name: string): string => path.replace(/[^\\/]*$/, '') + name;

/** The folder of a repository's revision `main` in the cache of Hugging Face, or of the only one that is there. */
function snapshotOf(repository: string): string {
  const snapshots = join(repository, 'snapshots');
  const revisions = namesIn(snapshots) ?? [];
  const main = join(repository, 'refs/main');
  const revision = isThere(main) ? textOf(main, readBytes(main)).trim() : revisions[0];
  if (revision !== undefined && revisions.includes(revision) && (isThere(main) || revisions.length === 1))
    return join(snapshots, revision);
  throw new InputError(
    repository,
    `${revisions.length} snapshots${isThere(main) ? `, none of them ${revision}` : ''}`,
    revisions.length > 0 ? `one of: ${someOf(revisions.map((name) => join(snapshots, name)))}` : 'downloaded',
  );
}

function fileOf(folder: string, names: readonly string[], first: string): string {
  const indices = names.filter((name) => INDEX.test(name));
  const files = names.filter((name) => /\.safetensors$/.test(name));
  const candidates = indices.length > 0 ? indices : files;
  const usual = [first, 'model', 'adapter_model', 'diffusion_pytorch_model'];
  const preferred = usual.flatMap((name) =>
    candidates.filter((file) => file.replace(/\.safetensors(\.index\.json)?$/, '') === name),
  );
  const selection = candidates.length === 1 ? candidates[0] : preferred[0];
  if (selection !== undefined) return selection;
  if (files.length > 0)
    throw new InputError(folder, `${files.length} checkpoints`, `one of: ${someOf(files)}`);
  const other = names.find((name) => /\.(bin|pt|pth|ckpt|gguf|h5|msgpack|onnx)$/.test(name));
  throw new InputError(
    folder,
    other === undefined
      ? 'a folder without .safetensors files'
      : `a folder with ${other}, without .safetensors files`,
    other === undefined ? 'a checkpoint folder, or a .safetensors, .npy or .csv file' : CONVERTED,
  );
}

/**
 * The shards of one checkpoint, `NAME-00001-of-00003.safetensors` and so on, where these are all the .safetensors files
 * in a folder without an index; else null.
 * @throws InputError if some are missing
 */
function shardsIn(folder: string, names: readonly string[]): readonly string[] | null {
  const files = names.filter((name) => /\.safetensors$/.test(name));
  const parts = files.map((name) => /^(.*)-\d+-of-(\d+)\.safetensors$/.exec(name));
  const [first] = parts;
  const areOne = parts.every((part) => part?.[1] === first?.[1] && part?.[2] === first?.[2]);
  if (!first || !areOne || names.some((name) => INDEX.test(name))) return null;
  if (files.length === Number(first[2])) return files;
  throw new InputError(folder, `${files.length} of ${Number(first[2])} shards of ${first[1]}`, 'all of them');
}

function openShards(folder: string, shards: readonly string[]): Checkpoint {
  const files = shards.map((name) => openFile(join(folder, name)));
  const holders = new Map<string, Holdings>();
  for (const [i, file] of files.entries())
    for (const name of file.names) {
      if (holders.has(name))
        throw new InputError(
          join(folder, shards[i]!),
          `tensor ${name}, which another shard has too`,
          'of other tensors',
        );
      holders.set(name, file);
    }
  return checkpoint(join(folder, shards[0]!), {
    files: shards.map((shard) => join(folder, shard)),
    names: [...holders.keys()],
    matrices: files.flatMap(({ matrices }) => matrices),
    of: (name) => holders.get(name)!.of(name),
  });
}

/** Tensors by name, with the file that has each. */
interface Holdings {
  readonly files: readonly string[];
  readonly names: readonly string[];
  readonly matrices: readonly string[];
  of(name: string): Safetensors;
}

function openFile(path: string): Holdings {
  const file = readSafetensors(path);
  const names = [...file.tensors.keys()];
  const scales = new Set(names.filter((name) => isFloat8(file.tensors.get(name)!)).flatMap(scaleNames));
  const matrices = names.filter((name) => file.tensors.get(name)!.shape.length === 2 && !scales.has(name));
  return { files: [path], names, matrices, of: () => file };
}

function openIndex(path: string): Checkpoint {
  const map = weightMap(path);
  const openFiles = new Map<string, Safetensors>();
  const names = [...map.keys()];
  return checkpoint(path, {
    files: [path, ...[...new Set(map.values())].map((shard) => besideOf(path, shard))],
    names,
    matrices: names,
    of(name) {
      const shard = map.get(name)!;
      const file = openFiles.get(shard) ?? openShard(path, shard);
      openFiles.set(shard, file);
      return file;
    },
  });
}

function openShard(index: string, shard: string): Safetensors {
  const path = besideOf(index, shard);
  if (!/\.safetensors$/.test(shard)) throw new InputError(index, `the shard ${shard}`, CONVERTED);
  try {
    return readSafetensors(path);
  } catch (error) {
    if (error instanceof InputError && /^ENOENT/.test(String(error.value)))
      throw new InputError(path, 'not there', `there: ${index} names it`);
    throw error;
  }
}

function weightMap(path: string): ReadonlyMap<string, string> {
  const map = readJson(path)['weight_map'];
  const entries = typeof map === 'object' && map !== null ? Object.entries(map) : [];
  const wrong = entries.find(([, shard]) => typeof shard !== 'string' || /[\\/]|^\.\.?$/.test(shard));
  if (entries.length === 0 || wrong)
    throw new InputError(
      path,
      wrong ? `${wrong[0]} in ${String(wrong[1])}` : 'no weight_map',
      'the index of a checkpoint: a weight_map from tensors to names of files beside it',
    );
  return new Map(entries as [string, string][]);
}

function checkpoint(path: string, { files, names, matrices, of }: Holdings): Checkpoint {
  const all = new Set(names);
  const info = (name: string) => {
    const file = of(name);
    // Of an index that names the wrong shard, `get` says what is missing.
    return file.tensors.get(name) ?? file.get(name);
  };
  const scaleOf = (name: string) => {
    const scales = scaleNames(name).filter((each) => all.has(each));
    if (scales.length === 1) return scales[0]!;
    throw new InputError(
      path,
      `${info(name).dtype} with ${scales.length === 0 ? 'no scale' : `${scales.length} scales`} beside it (tensor ${name})`,
      `with one of ${scaleNames(name).join(', ')}: what its entries stand for is unknown`,
    );
  };
  const timesScale = (name: string, tensor: Tensor) => {
    if (!isFloat8(tensor)) return tensor;
    const scale = scaleOf(name);
    return scaled(path, tensor, scale, of(scale).get(scale), blockOf(path));
  };
  const configs = ['config.json', 'adapter_config.json'].map((name) => besideOf(path, name));
  return {
    path,
    files: [...files, ...configs.filter(isThere)],
    names,
    matrices,
    nameOf: (request) =>
      [request, `${request}.weight`, request.replace(/\.weight$/, '')].find((name) => all.has(name)) ?? null,
    info,
    get: (name) => timesScale(name, of(name).get(name)),
    spacings(name) {
      const tensor = of(name).get(name);
      toSpacings(tensor.data, tensor.dtype);
      return timesScale(name, tensor);
    },
  };
}

/** The size of blocks that have a scale each, as the config.json beside a checkpoint has it. @throws InputError */
function blockOf(path: string): Block {
  const config = besideOf(path, 'config.json');
  if (!isThere(config)) return USUAL_BLOCK;
  const quantization = readJson(config)['quantization_config'] as
    { weight_block_size?: unknown } | null | undefined;
  const size = quantization?.weight_block_size ?? USUAL_BLOCK;
  if (Array.isArray(size) && size.length === 2 && size.every((n) => Number.isInteger(n) && n > 0))
    return size as [number, number];
  throw new InputError(config, `weight_block_size: ${JSON.stringify(size)}`, 'two whole numbers');
}

/** The names that come nearest to one that is not there, as they read in a message. */
export function candidates(names: readonly string[], request: string | undefined): string {
  const parts = (request ?? '').split('.').filter((part) => !/^(\d*|weight)(\[\d+\])?$/.test(part));
  const similar = names.filter((name) => parts.length > 0 && name.includes(parts.at(-1)!));
  return someOf(similar.length > 0 ? similar : names);
}

/** What commands that fill a results folder part by part say when they end early, and how they go on. */
import { resolve } from 'node:path';
import { InputError } from '../host/inputError.js';
import { shellWord } from '../host/shellWord.js';
import type { Shard } from '../input/shard.js';
import type { PartsFolder } from '../results/partsFolder.js';
import { Incomplete } from '../run/mergeParts.js';
import { note } from './output.js';
import { onEndSignals } from './signals.js';

/** A folder that is filled. */
export interface Filling<T> {
  readonly path: string;
  /** Name of the command, and what it is given to go on. */
  readonly command: 'sweep' | 'advise';
  readonly resume: string;
  /** Noun of a chunk. */
  readonly chunk: string;
  readonly shard: Shard | undefined;
  /** Computes what is missing, until it is done (true) or asked to stop. */
  compute(stop: () => boolean): Promise<boolean>;
  merge(): Promise<T>;
}

/**
 * What merging gives once all is computed; null of a shard, which is merged later. Ends the process if it is interrupted
 * or fails.
 * @throws InputError as the work does
 */
export async function filled<T>(filling: Filling<T>): Promise<T | null> {
  const { path, command, resume, chunk, shard, compute, merge } = filling;
  let code: number | null = null;
  let merges = false;
  const kept = `what is done is kept. Go on with: rankflow ${command} ${resume}`;
  const release = onEndSignals((name, exitCode) => {
    if (merges) note(`rankflow: ${name}: ends; ${kept}`);
    if (merges || code !== null) process.exit(exitCode);
    code = exitCode;
    note(`rankflow: ${name}: ends after the ${chunk} in hand; once more: now, without it`);
  });
  try {
    const done = await compute(() => code !== null);
    if (!done) {
      note(`rankflow: interrupted; ${kept}`);
      process.exit(code!);
    }
    if (shard && shard.of > 1) {
      note(
        `rankflow: shard ${shard.number}/${shard.of} is done. When all are: rankflow ${command} merge ${shellWord(path)}`,
      );
      return null;
    }
    merges = true;
    return await merge();
  } catch (error) {
    if (error instanceof InputError) throw error;
    note(`rankflow: ${(error as Error).message}. W${kept.slice(1)}`);
    return process.exit(1);
  } finally {
    release();
  }
}

/**
 * The folder that several hold together: what was merged, and what it gives.
 * @param out its path (default: that of the one folder)
 * @param open opens a folder, the first of all or another
 * @throws InputError if folders are of different plans, or as `open` and `merge` do
 */
export async function mergedFolders<F extends PartsFolder, T>(
  folders: readonly string[],
  out: string | undefined,
  open: (path: string, isFirst: boolean) => Promise<F>,
  merge: (folder: F, shards: readonly F[]) => Promise<T>,
): Promise<{ readonly folder: F; readonly result: T }> {
  const all: F[] = [];
  for (const path of folders) all.push(await open(resolve(path), all.length === 0));
  const [first, ...others] = all as [F, ...F[]];
  const other = others.find(({ hash }) => hash !== first.hash);
  if (other) throw new InputError('folders', other.path, `of the same plan as ${first.path}`);
  const folder = out === undefined ? first : { ...first, path: resolve(out) };
  const result = await merged(() => merge(folder, out === undefined ? [] : all));
  return { folder, result };
}

/** What merging gives. Ends the process, naming what is wrong, if parts are missing or damaged. */
async function merged<T>(merge: () => Promise<T>): Promise<T> {
  try {
    return await merge();
  } catch (error) {
    if (!(error instanceof Incomplete)) throw error;
    for (const line of error.message.split('\n')) note(`rankflow: ${line}`);
    process.exit(1);
  }
}

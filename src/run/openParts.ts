/**
 * Results folders that the command which began them goes on with: found again, and refused where files or keys that
 * parts depend on are others than there.
 */
import { existsSync } from 'node:fs';
import { digestOfFiles } from '../files/digest.js';
import { InputError } from '../host/inputError.js';
import type { Provenance } from '../host/provenance.js';
import { release } from '../host/release.js';
import { refuseFolder } from '../results/folder.js';
import type { Part } from '../results/parts.js';
import { readRecord, type FolderKind, type FolderRecord, type PartsFolder } from '../results/partsFolder.js';

/** SHA-256 of the files that parts depend on, by the key of a config that names them; null where it names none. */
export type Digests<Key extends string> = Readonly<Record<Key, string | null>>;

/** Record of a folder whose parts depend on files. */
export interface FilesRecord<Key extends string = string> extends FolderRecord {
  readonly config: object;
  readonly digests: Digests<Key>;
}

/** Digests of files, which are read through, by the key that names them. */
export async function digestsOf<Key extends string>(
  files: Readonly<Record<Key, readonly string[]>>,
): Promise<Digests<Key>> {
  const digests: [string, string | null][] = [];
  for (const [key, paths] of Object.entries<readonly string[]>(files))
    digests.push([key, paths.length === 0 ? null : await digestOfFiles(paths)]);
  return Object.fromEntries(digests) as Digests<Key>;
}

/**
 * The record of a folder that a command is to fill; null if there is none yet.
 * @throws InputError if there is something else, or nothing can be made there
 */
export function begunIn<R extends FilesRecord>(path: string, kind: FolderKind['name']): R | null {
  if (!existsSync(path)) {
    refuseFolder(path);
    return null;
  }
  try {
    return readRecord(path, kind) as R;
  } catch (error) {
    if (error instanceof InputError && error.field === 'folder')
      throw new InputError('out', path, `a folder that does not exist yet, or that of the same ${kind}`);
    throw error;
  }
}

/**
 * @param isPinned whether a key must be as it is in the folder
 * @throws InputError for the first such key that is another
 */
export function refuseOtherKeys(
  path: string,
  asked: object,
  begun: object,
  isPinned: (key: string) => boolean,
): void {
  const [now, then] = [asked, begun] as readonly Readonly<Record<string, unknown>>[];
  for (const key of Object.keys({ ...then, ...now }).filter(isPinned))
    if (JSON.stringify(now![key]) !== JSON.stringify(then![key]))
      throw new InputError(
        key,
        now![key],
        `${then![key] === undefined ? 'left out' : String(then![key])}, as in ${path}`,
      );
}

/**
 * @param given names of the files, by key
 * @throws InputError, naming the file or else the version, if a plan is another than that of its folder
 */
export function refuseOtherPlan<Key extends string>(
  { path, hash }: Pick<PartsFolder, 'path' | 'hash'>,
  digests: Digests<Key>,
  given: Readonly<Partial<Record<Key, string | undefined>>>,
  record: FilesRecord<Key>,
): void {
  if (record.plan === hash) return;
  for (const field of Object.keys(digests) as Key[]) {
    if (digests[field] === record.digests[field]) continue;
    const begun =
      record.digests[field] === null
        ? `left out, as when ${path} was begun`
        : `as it was when ${path} was begun: its bytes are others now`;
    throw new InputError(field, given[field], begun);
  }
  throw new InputError(
    'folder',
    path,
    `of this version of rankflow, ${release.version}: it is of ${record.rankflow}`,
  );
}

/** Chunks that no part is of. */
export function chunksMissing<Chunk extends PartsFolder['chunks'][number]>(
  { chunks }: { readonly chunks: readonly Chunk[] },
  parts: readonly Part[],
): Chunk[] {
  const found = new Set(parts.map(({ chunk }) => chunk));
  return chunks.filter(({ index }) => !found.has(index));
}

/** What a record says of the program and its config, beside its folder. */
export function provenanceOf(record: FilesRecord & Provenance): Provenance {
  const ofFolder: readonly string[] = ['kind', 'plan', 'digests', 'workingFolder'];
  const rest = Object.entries(record).filter(([key]) => !ofFolder.includes(key));
  return Object.fromEntries(rest) as unknown as Provenance;
}

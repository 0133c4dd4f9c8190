/**
 * Folders of results. The folder of a run is made new, never merged with what is there, and filled file by file, each
 * whole; a single file may take the place of an older one.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { temporaryName, writeWhole } from '../files/writeWhole.js';
import { InputError } from '../host/inputError.js';

/** Default folder of results: rankflow-results/COMMAND-TIME below the working folder. */
export const defaultFolder = (command: string): string =>
  join('rankflow-results', `${command}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);

/** @throws InputError if there is something at `path` already, or nothing can be made there */
export function refuseFolder(path: string, field = 'out'): void {
  if (existsSync(path)) throw new InputError(field, path, 'a folder that does not exist yet');
  try {
    checkAbove(path);
  } catch (error) {
    throw unmakeable(path, error, field);
  }
}

/** @throws InputError if there is a folder at `path`, or no file can be written there */
export function refuseFile(field: string, path: string): void {
  try {
    checkAbove(path);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    throw new InputError(field, path, `a file that can be written (${(error as Error).message})`);
  }
}

/** Writes a file whole, and makes the folders above it. */
export function writeResult(path: string, content: string): void {
  mkdirSync(dirname(resolve(path)), { recursive: true });
  writeWhole(path, content);
}

/** Names of what is in a folder, sorted; none if there is no such folder, as of an empty one that was not copied. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Makes those subfolders of a folder that are not there: git, rsync -m and object stores drop empty ones. */
export function restoreSubfolders(path: string, names: readonly string[]): void {
  for (const name of names) mkdirSync(join(path, name), { recursive: true });
}

/** @throws Error if nothing can be made in the nearest folder above `path` that exists */
function checkAbove(path: string): void {
  let parent = dirname(resolve(path));
  while (!existsSync(parent)) parent = dirname(parent);
  accessSync(parent, constants.W_OK);
  if (!statSync(parent).isDirectory()) throw new Error(`${parent} is not a folder`);
}

const unmakeable = (path: string, error: unknown, field: string) =>
  new InputError(field, path, `a folder that can be made (${(error as Error).message})`);

/**
 * Makes a folder that is filled by `fill` before anyone sees it: it appears whole or not at all, however the process ends.
 * @throws InputError if there is something at `path` already, or it cannot be made; whatever `fill` throws
 */
export async function fillFolder(
  path: string,
  fill: (temporary: string) => Promise<void>,
  field = 'out',
): Promise<void> {
  refuseFolder(path, field);
  // Without a slash at its end.
  const folder = resolve(path);
  const temporary = temporaryName(folder);
  const remove = () => rmSync(temporary, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    attempt(path, field, () => mkdirSync(temporary, { recursive: true }));
    await fill(temporary);
    attempt(path, field, () => renameSync(temporary, folder));
  } finally {
    remove();
    process.off('exit', remove);
  }
}

function attempt(path: string, field: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw unmakeable(path, error, field);
  }
}

/**
 * Makes the folder, with folders and files in it, all at once: who sees it sees it whole.
 * @throws InputError if there is something at `path` already, or it cannot be made
 */
export function createFolder(
  path: string,
  subfolders: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>> = {},
): void {
  refuseFolder(path);
  // Without a slash at its end.
  const folder = resolve(path);
  const temporary = temporaryName(folder);
  try {
    mkdirSync(dirname(folder), { recursive: true });
    mkdirSync(temporary);
    for (const name of subfolders) mkdirSync(join(temporary, name));
    for (const [name, content] of Object.entries(files)) writeWhole(join(temporary, name), content);
    renameSync(temporary, folder);
  } catch (error) {
    throw unmakeable(path, error, 'out');
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

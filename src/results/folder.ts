/**
 * The results folder of a run: made new, never merged with what is there, and filled file by file, each whole.
 */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../inputError.js';

/** Where results go by default: rankflow-results/COMMAND-TIME below the working folder. */
export const defaultFolder = (command: string): string =>
  join('rankflow-results', `${command}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);

/** @throws InputError if there is something at `path` already, or nothing can be made there */
export function refuseFolder(path: string): void {
  if (existsSync(path)) throw new InputError('out', path, 'a folder that does not exist yet');
  let parent = dirname(resolve(path));
  while (!existsSync(parent)) parent = dirname(parent);
  try {
    accessSync(parent, constants.W_OK);
    if (!statSync(parent).isDirectory()) throw new Error(`${parent} is not a folder`);
  } catch (error) {
    throw unmakeable(path, error);
  }
}

const unmakeable = (path: string, error: unknown) =>
  new InputError('out', path, `a folder that can be made (${(error as Error).message})`);

/**
 * Makes the folder and returns its path.
 * @throws InputError if there is something at `path` already, or it cannot be made
 */
export function createFolder(path: string, ...subfolders: string[]): string {
  refuseFolder(path);
  try {
    mkdirSync(dirname(resolve(path)), { recursive: true });
    mkdirSync(path);
    for (const name of subfolders) mkdirSync(join(path, name));
  } catch (error) {
    throw unmakeable(path, error);
  }
  return path;
}

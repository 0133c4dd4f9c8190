/** Where adapters may be written. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { AdviseConfig } from '../advise/config.js';
import { InputError } from '../host/inputError.js';
import { refuseFolder } from '../results/folder.js';

/** @throws InputError if the folder of adapters is there, or not apart from that of results */
export function refuseWrite({ write }: Pick<AdviseConfig, 'write'>, out: string): void {
  if (write === undefined) return;
  refuseFolder(write, 'write');
  const [adapters, results] = [resolve(write), resolve(out)];
  if (isWithin(adapters, results) || isWithin(results, adapters))
    throw new InputError('write', write, 'a folder apart from out, neither in the other');
}

/** Whether a path is a folder or below it. */
function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && !/^\.\.([\\/]|$)/.test(way);
}

/** What makes two plans the same: the resolved config, the contents of the files it names, and rankflow's version. */
import { createHash } from 'node:crypto';
import { readBytes } from '../files/disk.js';
import { isFileName } from '../input/config.js';
import { release } from '../release.js';
import type { Plan } from './plan.js';

/** What says how a plan is computed, and changes none of its rows. */
const EXECUTION = ['out', 'workers', 'chunk'];

export const digestOf = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** @throws InputError if a file cannot be read */
export function planHash({ config }: Pick<Plan, 'config'>): string {
  const files = Object.values(config)
    .flat()
    .filter((value) => typeof value === 'string' && isFileName(value)) as string[];
  const contents = [...new Set(files)].map((name) => digestOf(readBytes(name.replace(/#.*$/s, ''))));
  const told = Object.entries(config)
    .filter(([key, value]) => !EXECUTION.includes(key) && value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return digestOf(JSON.stringify([release.version, told, contents]));
}

/** What makes two plans the same: the resolved config, the contents that it rests on, and rankflow's version. */
import { createHash } from 'node:crypto';
import { nameFrom } from '../files/location.js';
import { moduleGraph } from '../input/moduleGraph.js';
import { lossNames } from '../problem/losses.js';
import { release } from '../host/release.js';
import type { Plan } from './plan.js';

/** Keys of a config that say how a plan is computed: they change no row, or one kept apart (results/arithmetic.ts). */
const EXECUTION = ['out', 'workers', 'chunk', 'backend', 'kernel', 'fusedKernel'];

/** Whether a key of a config says what is computed. */
export const isSetting = (key: string): boolean => !EXECUTION.includes(key);

/** What a config says of what is computed, by key, in the order of keys. */
export const settingsOf = (config: object): [key: string, value: unknown][] =>
  Object.entries(config)
    .filter(([key, value]) => isSetting(key) && value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));

export const digestOf = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/**
 * @param digests of what was read of files when the plan was made
 * @param folder from which names of losses are relative (default: the working folder)
 * @throws InputError if a file of a custom loss cannot be read
 */
export function planHash({ config, cells }: Plan, digests: readonly string[], folder?: string): string {
  const modules = config.loss
    .filter((loss) => !lossNames.includes(loss))
    .map((loss) => moduleGraph(nameFrom(folder, loss)));
  const ends = cells.map(({ stop }) => stop.saveTimes.at(-1));
  return digestOf(JSON.stringify([release.version, settingsOf(config), ends, digests, modules]));
}

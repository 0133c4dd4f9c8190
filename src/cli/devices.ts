/** `rankflow devices`: which TensorFlow.js backends work here, on which device, and why the others do not. */
import { listBackends } from '../backend/useBackend.js';
import { print, printJson } from './output.js';

/** Prints the backends, as JSON or as lines. */
export async function devices(json: boolean): Promise<void> {
  const backends = await listBackends();
  if (json) return printJson(backends);
  for (const { name, available, preferred, device, reason, limits } of backends) {
    const works = available ? (preferred ? 'yes, the default' : 'yes') : 'no';
    print(`${name.padEnd(11)} ${works.padEnd(17)} ${available ? device : reason}`);
    if (available)
      for (const [limit, value] of Object.entries(limits)) print(`${' '.repeat(30)}${limit}: ${value}`);
  }
}

/**
 * Which backends tests run on: those that come with rankflow, cpu and wasm; under `--mode all`, as `npm run test:all`
 * has it, every one that is here. Tests on the others are skipped, and seen to be.
 */
import { InputError } from '../src/host/inputError.js';
import { openDevice } from '../src/solver/device.js';

export const everyBackend = process.env['EVERY_BACKEND'] === '1';

/** Whether tests run on a backend that need not be here: no machine has to have a GPU, its driver or tfjs-node. */
export async function available(name: 'tensorflow' | 'webgpu'): Promise<boolean> {
  if (!everyBackend) return false;
  try {
    await (await openDevice(name, { workers: 1 })).close();
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

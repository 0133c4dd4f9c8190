/** The device of a run: opened as its config says, and closed when the run has ended, however it ends. */
import type { ExecutionConfig } from '../input/fields.js';
import { openDevice, type Device } from '../solver/device.js';

export async function withDevice<T>(
  {
    backend,
    tf32,
    workers,
    fusedKernel,
  }: Pick<ExecutionConfig, 'backend' | 'tf32' | 'workers' | 'fusedKernel'>,
  run: (device: Device) => Promise<T>,
): Promise<T> {
  const device = await openDevice(backend, { tf32, workers, fusedKernel });
  try {
    return await run(device);
  } finally {
    await device.close();
  }
}

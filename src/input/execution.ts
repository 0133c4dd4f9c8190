/** What the solver is told of an ensemble, from its horizon, a config and a device. */
import type { Member } from '../ensemble/member.js';
import type { Device } from '../solver/device.js';
import type { SolveOptions } from '../solver/solve.js';
import type { ExecutionConfig } from './fields.js';
import type { Horizon } from './horizon.js';

export const solveOptions = (
  { method, stop }: Pick<Horizon, 'method' | 'stop'>,
  { kernel, precision, chunk }: Pick<ExecutionConfig, 'kernel' | 'precision' | 'chunk'>,
  device: Device,
): Pick<SolveOptions<Member>, 'method' | 'stop' | 'kernel' | 'precision' | 'chunk' | 'device'> => ({
  ...{ method, stop, kernel, precision, chunk, device },
});

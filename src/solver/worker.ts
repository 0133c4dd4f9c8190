/** A worker of the pool (pool.ts): a thread with a device of its own, which solves the chunks that it is given. */
import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { solveChunk, type Chunk } from './chunk.js';
import { openDevice } from './device.js';
import { toMessage } from './message.js';
import type { WorkerData } from './pool.js';

const { backend, fusedKernel } = workerData as WorkerData;
const device = openDevice(backend, { workers: 1, fusedKernel });

/** @returns a TrajectoryMessage, as the pool receives it */
export default async function solve(chunk: Chunk): Promise<unknown> {
  const { message, buffers } = toMessage(await solveChunk(chunk, await device), chunk);
  return move({ [transferableSymbol]: buffers, [valueSymbol]: message });
}

/** A worker of the pool (pool.ts): a thread with a device of its own, which solves the chunks that it is given. */
import { workerData } from 'node:worker_threads';
import { solveChunk, type Chunk, type Trajectory } from './chunk.js';
import { openDevice } from './device.js';
import type { WorkerData } from './pool.js';

const { backend, fusedKernel } = workerData as WorkerData;
const device = openDevice(backend, { workers: 1, fusedKernel });

export default async function solve(chunk: Chunk): Promise<Trajectory[]> {
  return solveChunk(chunk, await device);
}

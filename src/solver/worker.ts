/** A worker of the pool (pool.ts): a thread with a backend of its own, which solves the chunks that it is given. */
import { workerData } from 'node:worker_threads';
import type { BackendName } from '../backend/backend.js';
import { useBackend } from '../backend/useBackend.js';
import { solveChunk, type Chunk, type Trajectory } from './chunk.js';

const { backend } = workerData as { readonly backend: BackendName };
const ready = useBackend(backend);

export default async function solve(chunk: Chunk): Promise<Trajectory[]> {
  await ready;
  return solveChunk(chunk);
}

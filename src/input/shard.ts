/** Shards: which part of a plan's chunks a run computes. */
import { InputError } from '../host/inputError.js';

/** Part `number` of `of`, from 1. */
export interface Shard {
  readonly number: number;
  readonly of: number;
}

export const WHOLE: Shard = { number: 1, of: 1 };

/**
 * Which of chunks of unlike efforts a shard has, ascending: the largest first, each goes to the shard that has the least
 * by then. It depends on the efforts alone, so that any machine shares them out the same way.
 */
export function shareOf(efforts: readonly number[], { number, of }: Shard): number[] {
  const shards = Array.from({ length: of }, () => ({ effort: 0, chunks: [] as number[] }));
  const order = efforts.map((effort, index) => ({ effort, index })).sort((a, b) => b.effort - a.effort);
  for (const { effort, index } of order) {
    const least = shards.reduce((best, shard) => (shard.effort < best.effort ? shard : best));
    least.effort += effort;
    least.chunks.push(index);
  }
  return shards[number - 1]!.chunks.sort((a, b) => a - b);
}

/**
 * The shard of "3/8"; of "auto", what Slurm (SLURM_ARRAY_TASK_ID, and ..._MIN and ..._COUNT, or RANKFLOW_SHARDS and
 * RANKFLOW_SHARD_OFFSET where shards are several arrays) or Kubernetes (JOB_COMPLETION_INDEX, and RANKFLOW_SHARDS)
 * says.
 * @throws InputError if there is no such shard
 */
export function parseShard(text: string, environment: Readonly<Record<string, string | undefined>>): Shard {
  const written = text === 'auto' ? fromEnvironment(environment) : text;
  const [, number, of] = /^(\d+)\/(\d+)$/.exec(written ?? '')?.map(Number) ?? [];
  if (number !== undefined && of !== undefined && number >= 1 && number <= of) return { number, of };
  throw new InputError(
    'shard',
    text,
    text === 'auto'
      ? 'I/N where neither Slurm (SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_COUNT) nor Kubernetes (JOB_COMPLETION_INDEX, RANKFLOW_SHARDS) says which'
      : 'I/N, for example 3/8, with I from 1 to N, or auto',
  );
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): string | null {
  const value = (name: string) => (environment[name] ? Number(environment[name]) : NaN);
  const shifted = value('SLURM_ARRAY_TASK_ID') + value('RANKFLOW_SHARD_OFFSET') + 1;
  if (Number.isFinite(shifted)) return `${shifted}/${value('RANKFLOW_SHARDS')}`;
  const slurm = value('SLURM_ARRAY_TASK_ID') - (value('SLURM_ARRAY_TASK_MIN') || 0) + 1;
  if (Number.isFinite(slurm)) return `${slurm}/${value('SLURM_ARRAY_TASK_COUNT')}`;
  const index = value('JOB_COMPLETION_INDEX') + 1;
  return Number.isFinite(index) ? `${index}/${value('RANKFLOW_SHARDS')}` : null;
}

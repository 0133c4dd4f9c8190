/** What the jobs of a cluster call rankflow with. */

export interface ShardCalls {
  /** Words that compute the shard which the environment names, or what it still lacks. */
  readonly shard: readonly string[];
  /** Words that merge all shards. */
  readonly merge: readonly string[];
}

/** Those of a sweep whose folder is made. */
export const sweepCalls = (folder: string): ShardCalls => ({
  shard: ['sweep', '--resume', folder, '--shard', 'auto'],
  merge: ['sweep', 'merge', folder],
});

/** Those of advice on a pair of checkpoints, or of a forecast, which has no pair, with its other flags. */
export const adviceCalls = (
  pair: readonly string[],
  folder: string,
  flags: readonly string[],
): ShardCalls => ({
  shard: ['advise', ...pair, '--out', folder, ...flags, '--shard', 'auto'],
  merge: ['advise', 'merge', folder],
});

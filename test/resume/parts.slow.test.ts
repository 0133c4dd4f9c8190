/**
 * A sweep that failed in a chunk, or that is shared out, against the whole; what is refused of folders, shards and jobs;
 * and what a cluster would be given. cutOff.slow.test.ts has the kills.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  contents,
  idleSlurm,
  main,
  parts,
  rankflow as started,
  rankflowServed as rankflow,
  run,
  work,
  type Ended,
} from './support.js';

type Run = (args: readonly string[]) => Promise<Pick<Ended, 'code' | 'stderr'>>;

/** Three cells, each a chunk of its own. */
const flags = [
  ...['sweep', '--spectrum', 'power:1', '--shape', '8x6', '--ranks', '1,2,4', '--init', 'small:0.1'],
  ...['--trials', '64', '--target-ci', '1', '--time', '8', '--rtol', '1e-3', '--save-times', '4,8'],
  ...['--backend', 'wasm', '--workers', '1'],
];

describe('a sweep in parts', () => {
  beforeAll(async () => {
    const whole = await rankflow([...flags, '--out', 'whole']);
    expect(whole.code, whole.stderr).toBe(0);
    expect(parts('whole').length).toBeGreaterThanOrEqual(3);
  });

  it('keeps what was done when a chunk fails, and says which', async () => {
    // Fails over the second chunk, until the folder has a file that says otherwise.
    writeFileSync(
      join(work, 'broken.mjs'),
      `import { existsSync, readdirSync } from 'node:fs';
       export default (w, tf) => {
         const at = 'broken/trials';
         if (existsSync(at) && readdirSync(at).length > 0 && !existsSync('mended')) throw new Error('no data');
         return tf.sum(tf.square(tf.sub(w, 1)), [1, 2]);
       };`,
    );
    const plan = ['--shape', '4x3', '--ranks', '1,2', '--time', '1', '--trials', '64', '--target-ci', '0.5'];
    const { code, stderr } = await rankflow([
      ...['sweep', '--loss', 'broken.mjs', ...plan, '--backend', 'wasm', '--workers', '1', '--out', 'broken'],
    ]);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('no data');
    expect(stderr).toContain('Go on with: rankflow sweep --resume broken');
    expect(parts('broken')).toHaveLength(1);
    writeFileSync(join(work, 'mended'), '');
    const status = JSON.parse((await rankflow(['status', 'broken', '--json'])).stdout);
    expect(status).toMatchObject({ chunks: { done: 1, missing: 1, failed: 1 }, failed: [1] });
    expect(status.runs).toEqual([expect.objectContaining({ state: 'failed', failedChunk: 1 })]);
    expect((await rankflow(['sweep', '--resume', 'broken'])).code).toBe(0);
  }, 120_000);

  it('is shared out and merged, in one folder or in several', async () => {
    const shard = async (number: number, folder: string, run: Run = rankflow) => {
      const { code, stderr } = await run([...flags, '--shard', `${number}/2`, '--out', folder]);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain(`shard ${number}/2 is done. When all are: rankflow sweep merge ${folder}`);
      expect(existsSync(join(work, folder, 'report.html'))).toBe(false);
    };
    // Whichever comes first makes the folder.
    await Promise.all([shard(1, 'shared', started), shard(2, 'shared', started)]);
    await shard(1, 'first');
    await shard(2, 'second');
    expect((await rankflow(['sweep', 'merge', 'shared'])).stdout).toContain('Results: ');
    expect((await rankflow(['sweep', 'merge', 'first', 'second', '--out', 'both'])).code).toBe(0);
    for (const folder of ['shared', 'both']) expect(contents(folder)).toBe(contents('whole'));

    const half = await rankflow(['sweep', 'merge', 'first']);
    expect(half.code).toBe(1);
    expect(half.stderr).toMatch(/chunks? (is|are) missing: 1/);
    const twice = await rankflow(['sweep', 'merge', 'first', 'shared', '--out', 'twice']);
    expect(twice.code, twice.stderr).toBe(0);
    expect(contents('twice')).toBe(contents('whole'));
  }, 300_000);

  it('has a status', async () => {
    const { stdout } = await rankflow(['status', 'first', '--json']);
    const status = JSON.parse(stdout);
    expect(status.chunks.done + status.chunks.missing).toBe(parts('whole').length);
    expect(status.chunks.failed).toBe(0);
    expect(status.runs).toEqual([expect.objectContaining({ state: 'finished', shard: '1/2' })]);
  }, 120_000);

  it.each([
    [['sweep', '--resume', 'whole', '--ranks', '2'], 'invalid ranks: [2]; must be left out with --resume'],
    [['sweep', '--resume', 'nowhere'], 'must be the results folder of a sweep'],
    [['sweep', '--resume', 'whole', '--shard', '3'], 'invalid shard: 3; must be I/N'],
    [[...flags, '--shard', '1/2'], 'invalid out: nothing; must be a folder that all shards share'],
    [['sweep', 'merge', 'first', 'second'], 'invalid out: nothing'],
    [['sweep', 'merge', 'whole', '--out', 'first'], 'invalid out: '],
    [['status', 'nowhere'], 'must be the results folder of a sweep'],
    [
      ['sweep', 'submit', ...flags.slice(1), '--out', 'x', '--shards', '2'],
      'invalid slurm: nothing; must be given',
    ],
    [['sweep', 'submit', '--slurm', ...flags.slice(1), '--shards', '2'], 'invalid out: nothing'],
    [['sweep', 'submit', '--slurm', ...flags.slice(1), '--out', 'x'], 'invalid shards'],
    [['sweep', 'submit', '--slurm', ...flags.slice(1), '--out', 'x', '--shards', '0'], 'invalid shards: 0'],
    [
      ['sweep', 'submit', '--kubernetes', ...flags.slice(1), '--out', 'x', '--shards', '2', '--image', 'i'],
      'invalid claim',
    ],
  ])('refuses %j', async (args, words) => {
    const { code, stderr } = await rankflow(args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });

  it('is planned for a cluster, or shown as it would be', async () => {
    const options = [...flags.slice(1), '--out', 'planned', '--shards', '3', '--throttle', '2'];
    const slurm = await rankflow(['sweep', 'submit', '--slurm', ...options, '--gres', '', '--dry-run']);
    expect(slurm.code, slurm.stderr).toBe(0);
    expect(slurm.stdout).toContain('#SBATCH --array=0-2%2\n');
    expect(slurm.stdout).not.toContain('gres');
    expect(slurm.stdout).toMatch(/'sweep' 'merge' '.*planned'/);
    const pods = ['sweep', 'submit', '--kubernetes', ...options, '--image', 'i', '--claim', 'c'];
    const dry = await rankflow([...pods, '--dry-run']);
    expect(existsSync(join(work, 'planned'))).toBe(false);
    const { code, stdout, stderr } = await rankflow(pods);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(dry.stdout);
    expect(stdout).toContain('/results/planned');
    expect((await rankflow(['status', 'planned'])).stdout).toContain('0 chunks are done');
    expect((await rankflow(['sweep', '--resume', 'planned', '--shard', '1/3'])).code).toBe(0);
  });
});

/** Draws of a noisy target by an optimizer: three cells of four draws, each a chunk of its own. */
const drawn = [
  ...['sweep', '--spectrum', '2,1', '--shape', '8x6', '--ranks', '1,2,4', '--init', 'small:0.1'],
  ...[
    '--noise',
    '0.3',
    '--draws',
    '4',
    '--trials',
    '2',
    '--target-ci',
    '1',
    '--time',
    '2',
    '--save-times',
    '1',
  ],
  ...['--method', 'adamw', '--step', '0.25', '--decay', '0.1', '--backend', 'wasm', '--workers', '1'],
];

describe('a sweep of draws by an optimizer', () => {
  beforeAll(async () => {
    const whole = await rankflow([...drawn, '--out', 'drawn']);
    expect(whole.code, whole.stderr).toBe(0);
    expect(parts('drawn').length).toBeGreaterThan(3);
  });

  it('goes on from what is done of it', async () => {
    expect((await rankflow([...drawn, '--shard', '2/3', '--out', 'begun'])).code).toBe(0);
    expect(parts('begun').length).toBeLessThan(parts('drawn').length);
    const { code, stdout, stderr } = await rankflow(['sweep', '--resume', 'begun']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('Best rank at the end: ');
    expect(contents('begun')).toBe(contents('drawn'));
  });

  it('is shared out by the scripts of Slurm', async () => {
    const flags = [...drawn.slice(1), '--out', 'array', '--shards', '2'];
    run([process.execPath, main, 'sweep', 'submit', '--slurm', ...flags], idleSlurm());
    const script = (name: string) => readFileSync(join(work, 'array/slurm', name), 'utf8');
    for (const task of ['0', '1'])
      run(
        ['bash'],
        {
          SLURM_ARRAY_JOB_ID: '7',
          SLURM_ARRAY_TASK_ID: task,
          SLURM_ARRAY_TASK_COUNT: '2',
          SLURM_JOB_ID: '7',
        },
        script('array.sh'),
      );
    expect(parts('array')).toEqual(parts('drawn'));
    run(['bash'], { SLURM_JOB_ID: '8' }, script('merge.sh'));
    expect(contents('array')).toBe(contents('drawn'));
  });

  it('is shared out by the pods of Kubernetes', async () => {
    const flags = [...drawn.slice(1), '--out', 'pods', '--shards', '2', '--image', 'i', '--claim', 'c'];
    const { stdout } = await rankflow(['sweep', 'submit', '--kubernetes', ...flags, '--mount', work]);
    const { spec } = parse(stdout, { version: '1.1' });
    const [{ command, env }] = spec.template.spec.containers;
    expect(command[0]).toBe('rankflow');
    const given = Object.fromEntries(env.map(({ name, value }: Record<string, string>) => [name, value]));
    for (let index = 0; index < spec.completions; index++)
      run([process.execPath, main, ...command.slice(1)], { ...given, JOB_COMPLETION_INDEX: String(index) });
    expect((await rankflow(['sweep', 'merge', 'pods'])).code).toBe(0);
    expect(contents('pods')).toBe(contents('drawn'));
  });
});

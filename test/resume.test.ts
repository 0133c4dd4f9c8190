/** The built command, cut off in many ways and gone on with: what is kept, what is said, and that nothing is lost. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'rankflow-resume-'));
afterAll(() => rmSync(work, { recursive: true }));

/** How often a sweep is killed: more often to be surer. */
const KILLS = Number(process.env['RANKFLOW_KILLS'] ?? 8);

const flags = [
  ...['sweep', '--spectrum', 'power:1', '--shape', '24x24', '--ranks', '1,2,4', '--init', 'small:0.1'],
  ...[
    '--trials',
    String(12_000 * Math.ceil(KILLS / 8)),
    '--time',
    '8',
    '--rtol',
    '1e-3',
    '--save-times',
    '4,8',
  ],
  ...['--backend', 'wasm', '--workers', '4'],
];

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs rankflow, and may do something to it once it has written so many parts, or after some milliseconds. */
function rankflow(args: readonly string[], act?: (child: ReturnType<typeof spawn>) => void): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: work, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += String(data)));
    child.stderr.on('data', (data) => (stderr += String(data)));
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    act?.(child);
  });
}

const parts = (folder: string): string[] => {
  const trials = join(work, folder, 'trials');
  return existsSync(trials)
    ? readdirSync(trials)
        .filter((name) => name.endsWith('.parquet'))
        .sort()
    : [];
};

/** Digest of everything that trials and summaries hold. */
const contents = (folder: string): string => {
  const hash = createHash('sha256');
  for (const name of parts(folder))
    hash.update(name).update(readFileSync(join(work, folder, 'trials', name)));
  for (const name of ['summary.parquet', 'summary.csv', 'curves.parquet'])
    hash.update(readFileSync(join(work, folder, name)));
  return hash.digest('hex');
};

const whenParts = (folder: string, count: number, act: () => void) => {
  const timer = setInterval(() => {
    if (parts(folder).length < count) return;
    clearInterval(timer);
    act();
  }, 20);
};

describe('a sweep that is cut off', () => {
  beforeAll(async () => {
    const whole = await rankflow([...flags, '--out', 'whole']);
    expect(whole.code, whole.stderr).toBe(0);
    expect(parts('whole').length).toBeGreaterThan(6);
  }, 600_000);

  it(`loses and doubles nothing under ${KILLS} kills at any moment`, async () => {
    let [kills, lifetime] = [0, 0];
    // The first life is cut off after the folder has been made.
    await rankflow([...flags, '--out', 'killed'], (child) =>
      whenParts('killed', 1, () => child.kill('SIGKILL')),
    );
    kills++;
    while (kills < KILLS) {
      // From the start of the process to some chunks later, in steps that do not repeat.
      lifetime = 300 + ((kills * 887) % 2900);
      const { signal } = await rankflow(['sweep', '--resume', 'killed', '--workers', '4'], (child) =>
        setTimeout(() => child.kill('SIGKILL'), lifetime),
      );
      if (signal !== 'SIGKILL') break;
      kills++;
    }
    const last = await rankflow(['sweep', '--resume', 'killed']);
    expect(last.code, last.stderr).toBe(0);
    expect(kills).toBe(KILLS);
    expect(parts('killed')).toEqual(parts('whole'));
    expect(contents('killed')).toBe(contents('whole'));
    expect(readdirSync(join(work, 'killed', 'trials')).filter((name) => name.endsWith('.part'))).toEqual([]);
  }, 3_000_000);

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'ends on %s with what is done, and says how to go on',
    async (signal, code) => {
      const folder = `stopped-${signal}`;
      const ended = await rankflow([...flags, '--out', folder], (child) =>
        whenParts(folder, 2, () => child.kill(signal)),
      );
      expect(ended.code, ended.stderr).toBe(code);
      expect(ended.stderr).toContain(`Go on with: rankflow sweep --resume ${folder}`);
      const before = parts(folder);
      expect(before.length).toBeGreaterThanOrEqual(2);
      expect(before.length).toBeLessThan(parts('whole').length);
      const { code: again, stderr } = await rankflow(['sweep', '--resume', folder]);
      expect(again, stderr).toBe(0);
      expect(contents(folder)).toBe(contents('whole'));
    },
    120_000,
  );

  it('says what a full disk has kept, and goes on when there is room', async () => {
    // No file may be larger than 4 KiB, which the record of the sweep is not, and a part is.
    const script = `ulimit -f 8; exec "${process.execPath}" "${main}" ${flags.join(' ')} --out full`;
    const { status, stderr } = spawnSync('bash', ['-c', script], { cwd: work, encoding: 'utf8' });
    expect(status, stderr).toBe(1);
    expect(stderr).toMatch(/EFBIG|file too large/);
    expect(stderr).toContain('Go on with: rankflow sweep --resume full');
    expect(parts('full')).toEqual([]);
    const { code } = await rankflow(['sweep', '--resume', 'full']);
    expect(code).toBe(0);
    expect(contents('full')).toBe(contents('whole'));
  }, 120_000);

  it('says so when its folder is gone', async () => {
    const { code, stderr } = await rankflow([...flags, '--out', 'gone'], (child) =>
      whenParts('gone', 1, () => {
        child.kill('SIGSTOP');
        rmSync(join(work, 'gone'), { recursive: true });
        child.kill('SIGCONT');
      }),
    );
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('ENOENT');
  }, 120_000);

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
    const shard = async (number: number, folder: string) => {
      const { code, stderr } = await rankflow([...flags, '--shard', `${number}/2`, '--out', folder]);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain(`shard ${number}/2 is done. When all are: rankflow sweep merge ${folder}`);
      expect(existsSync(join(work, folder, 'report.html'))).toBe(false);
    };
    // Whichever comes first makes the folder.
    await Promise.all([shard(1, 'shared'), shard(2, 'shared')]);
    await shard(1, 'first');
    await shard(2, 'second');
    expect((await rankflow(['sweep', 'merge', 'shared'])).stdout).toContain('Results: ');
    expect((await rankflow(['sweep', 'merge', 'first', 'second', '--out', 'both'])).code).toBe(0);
    for (const folder of ['shared', 'both']) expect(contents(folder)).toBe(contents('whole'));

    const half = await rankflow(['sweep', 'merge', 'first']);
    expect(half.code).toBe(1);
    expect(half.stderr).toMatch(/\d+ chunks are missing: 1, 3, 5/);
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
    const killed = await rankflow(['status', 'killed']);
    expect(killed.stdout).toContain(' 0 missing.');
    expect(killed.stdout).toMatch(/killed/);
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

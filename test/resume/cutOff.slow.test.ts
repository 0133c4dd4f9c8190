/**
 * A sweep that is killed, stopped, or out of disk against one that is not: no trial is lost or doubled, and all its files
 * are the same to the byte.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { contents, main, parts, rankflow, whenParts, work } from './support.js';

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

  it('goes on after a crash, such as one of native code, which ends its process', async () => {
    const { signal, code } = await rankflow([...flags, '--out', 'crashed'], (child) =>
      whenParts('crashed', 2, () => child.kill('SIGSEGV')),
    );
    expect([signal, code]).toEqual(['SIGSEGV', null]);
    expect(parts('crashed').length).toBeLessThan(parts('whole').length);
    const last = await rankflow(['sweep', '--resume', 'crashed']);
    expect(last.code, last.stderr).toBe(0);
    expect(contents('crashed')).toBe(contents('whole'));
  }, 120_000);

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
});

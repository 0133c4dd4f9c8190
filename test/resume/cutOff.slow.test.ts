/**
 * A sweep that is killed, stopped, or out of disk against one that is not: no trial is lost or doubled, and all its files
 * are the same to the byte. parts.slow.test.ts has shards.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
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
  ...['--backend', 'wasm', '--workers', '2'],
];

describe('a sweep that is cut off', () => {
  beforeAll(async () => {
    const whole = await rankflow([...flags, '--out', 'whole']);
    expect(whole.code, whole.stderr).toBe(0);
    expect(parts('whole').length).toBeGreaterThan(6);
  }, 600_000);

  it(`loses and doubles nothing under ${KILLS} kills and crashes at any moment`, async () => {
    // A crash, such as one of native code, ends a process as a kill does.
    const signalOf = (kills: number) => (kills % 2 === 0 ? 'SIGKILL' : 'SIGSEGV');
    let kills = 0;
    // The first life is cut off after the folder has been made.
    await rankflow([...flags, '--out', 'killed'], (child) =>
      whenParts('killed', 1, () => child.kill(signalOf(0))),
    );
    kills++;
    while (kills < KILLS) {
      // From the start of the process to some chunks later, in steps that do not repeat.
      const lifetime = 300 + ((kills * 887) % 2900);
      const { signal } = await rankflow(['sweep', '--resume', 'killed', '--workers', '2'], (child) =>
        setTimeout(() => child.kill(signalOf(kills)), lifetime),
      );
      if (signal !== signalOf(kills)) break;
      kills++;
    }
    const last = await rankflow(['sweep', '--resume', 'killed']);
    expect(last.code, last.stderr).toBe(0);
    expect(kills).toBe(KILLS);
    expect(parts('killed')).toEqual(parts('whole'));
    expect(contents('killed')).toBe(contents('whole'));
    expect(readdirSync(join(work, 'killed', 'trials')).filter((name) => name.endsWith('.part'))).toEqual([]);
    const { stdout } = await rankflow(['status', 'killed']);
    expect(stdout).toContain(' 0 missing.');
    expect(stdout).toMatch(/killed/);
  }, 3_000_000);

  it('says what a full disk has kept, and goes on when there is room until it is stopped by SIGINT and SIGTERM', async () => {
    // No file may be larger than 4 KiB, which the record of the sweep is not, and a part is.
    const script = `ulimit -f 8; exec "${process.execPath}" "${main}" ${flags.join(' ')} --out stopped`;
    const { status, stderr } = spawnSync('bash', ['-c', script], { cwd: work, encoding: 'utf8' });
    expect(status, stderr).toBe(1);
    expect(stderr).toMatch(/EFBIG|file too large/);
    expect(stderr).toContain('Go on with: rankflow sweep --resume stopped');
    expect(parts('stopped')).toEqual([]);
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const before = parts('stopped').length;
      const ended = await rankflow(['sweep', '--resume', 'stopped', '--workers', '2'], (child) =>
        whenParts('stopped', before + 1, () => child.kill(signal)),
      );
      expect(ended.code, ended.stderr).toBe(code);
      expect(ended.stderr).toMatch(/Go on with: rankflow sweep --resume \S*stopped\n/);
      expect(parts('stopped').length).toBeGreaterThan(before);
      expect(parts('stopped').length).toBeLessThan(parts('whole').length);
    }
    const last = await rankflow(['sweep', '--resume', 'stopped']);
    expect(last.code, last.stderr).toBe(0);
    expect(contents('stopped')).toBe(contents('whole'));
  }, 240_000);

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
});

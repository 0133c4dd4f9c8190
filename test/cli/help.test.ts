/** What the built command says of itself against the commands and backends that there are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, done } from './support.js';

describe.concurrent('help', () => {
  it.each(['sweep', 'simulate', 'theory', 'verify', 'devices'])(
    'of %s has options and examples',
    async (command) => {
      const { stdout, stderr } = await done(`${command} --help`);
      expect(stdout).toContain(`rankflow ${command}`);
      expect(stdout).toContain('Examples:');
      expect(stdout).toContain('--json');
      expect(stderr).toBe('');
    },
  );

  it('lists every command, and the version is that of the package', async () => {
    const [help, version] = await Promise.all([done('--help'), done('--version')]);
    for (const name of ['sweep', 'simulate', 'theory', 'verify', 'devices'])
      expect(help.stdout).toContain(`rankflow ${name}`);
    expect(version.stdout.trim()).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  });
});

it('lists every backend, with reasons', async () => {
  const { stdout } = await done('devices --json');
  const backends: { name: string; available: boolean; reason: string; device: string; preferred: boolean }[] =
    JSON.parse(stdout);
  expect(backends.map(({ name }) => name).sort()).toEqual(['cpu', 'tensorflow', 'wasm', 'webgl', 'webgpu']);
  for (const { name, available, reason, device } of backends)
    expect((available ? device : reason).length, name).toBeGreaterThan(5);
  expect(backends.filter(({ preferred }) => preferred)).toHaveLength(1);
  for (const name of ['cpu', 'wasm'])
    expect(backends.find((backend) => backend.name === name)?.available).toBe(true);
  const { stdout: listed } = await done('devices');
  for (const { name } of backends) expect(listed).toContain(name);
});

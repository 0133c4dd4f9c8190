/**
 * What the built command says of itself against snapshots (help/, made anew by `vitest -u`), the package and the backends
 * that there are; and that it loads no more than that takes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { done, main, node, root, work } from './support.js';

const commands = [
  ...[
    'sweep',
    'sweep merge',
    'sweep submit',
    'simulate',
    'status',
    'theory',
    'verify',
    'reproduce',
    'devices',
  ],
];

describe.concurrent('help', () => {
  it.each(['', ...commands])('of rankflow %s is what it was', async (command) => {
    const { stdout, stderr } = await done(`${command} --help`.trim());
    expect(stderr).toBe('');
    const name = `rankflow ${command}`.trim().replaceAll(' ', '-');
    await expect(stdout).toMatchFileSnapshot(`help/${name}.txt`);
  });

  it('lists every command, and the version is that of the package', async () => {
    const [help, version] = await Promise.all([done('--help'), done('--version')]);
    for (const name of commands.filter((command) => !command.includes(' ')))
      expect(help.stdout).toContain(`rankflow ${name}`);
    expect(version.stdout.trim()).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  });
});

describe.concurrent('what computes and draws', () => {
  /** A loader that fails on the packages which take most of a second to load. */
  const loader = `export const resolve = (name, context, next) => {
    if (/tensorflow|vega|resvg|piscina/.test(name)) throw new Error('loaded ' + name);
    return next(name, context);
  };`;
  const hook = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(loader)}`)});`;
  const without = (line: string) =>
    node(['--import', `data:text/javascript,${encodeURIComponent(hook)}`, main, ...line.split(' ')], work);

  it.each([
    ['--version', 0],
    ...commands.map((command) => [`${command} --help`, 0] as const),
    ['sweep --ranks 0', 2],
    ['simulate --rank x', 2],
    ['theory --foo 1', 2],
    ['verify --seed -1', 2],
    ['nope', 2],
  ] as const)('is not loaded by rankflow %s', async (line, code) => {
    const ran = await without(line);
    expect(ran.stderr).not.toContain('loaded');
    expect(ran.code).toBe(code);
  });

  it('is loaded by what computes', async () => {
    const ran = await without('theory --spectrum power:1 --shape 4x4 --ranks 1');
    expect(ran.stderr).toContain('loaded @tensorflow/tfjs');
    expect(ran.code).toBe(1);
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

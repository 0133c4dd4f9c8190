/**
 * What the built command says of itself against snapshots (help/, made anew by `vitest -u`), the package and the backends
 * that there are; and that it loads no more than that takes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inOneProcess } from '../oneProcess.js';
import { done, main, node, root, work } from './support.js';

const commands = [
  ...['sweep', 'sweep merge', 'sweep submit', 'simulate', 'status'],
  ...['theory', 'verify', 'reproduce', 'advise', 'advise merge', 'advise submit', 'devices'],
];

const script = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;

/** What makes a process fail to load what has these names. */
function without(names: string): readonly string[] {
  const loader = `export const resolve = (name, context, next) => {
    if (/${names}/.test(name)) throw new Error('loaded ' + name);
    return next(name, context);
  };`;
  return [
    '--import',
    script(`import { register } from 'node:module'; register(${JSON.stringify(script(loader))});`),
  ];
}

const refused = ['sweep --ranks 0', 'simulate --rank x', 'theory --foo 1', 'verify --seed -1', 'nope'];

/** Run in one process, where nothing loads what computes and draws, which takes most of a second. */
const light = [
  ...['', ...commands].map((command) => `${command} --help`.trim()),
  ...refused,
  'theory --spectrum power:1 --shape 4x4 --ranks 1',
];
const together = inOneProcess(
  light.map((line) => line.split(' ')),
  work,
  without('tensorflow|vega|resvg|piscina'),
);
const ran = async (line: string) => (await together)[light.indexOf(line)]!;

describe('without loading what computes and draws', () => {
  it.each(['', ...commands])('the help of rankflow %s is what it was', async (command) => {
    const { code, stdout, stderr } = await ran(`${command} --help`.trim());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const name = `rankflow ${command}`.trim().replaceAll(' ', '-');
    await expect(stdout).toMatchFileSnapshot(`help/${name}.txt`);
    if (command === '')
      for (const one of commands.filter((other) => !other.includes(' ')))
        expect(stdout).toContain(`rankflow ${one}`);
  });

  it('the version is that of the package', async () => {
    const { code, stdout, stderr } = await node(
      [...without('commands|zod|tensorflow'), main, '--version'],
      work,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim()).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  });

  it.each(refused)('bad input is refused: rankflow %s', async (line) => {
    const { code, stderr } = await ran(line);
    expect(stderr).not.toContain('loaded');
    expect(code).toBe(2);
  });

  it('nothing is computed', async () => {
    const { code, stderr } = await ran('theory --spectrum power:1 --shape 4x4 --ranks 1');
    expect(stderr).toContain('loaded @tensorflow/tfjs');
    expect(code).toBe(1);
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

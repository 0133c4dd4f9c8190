/** Sweeps whose configs name folders, and parts of them, that are gone on with in another working folder. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeSafetensors } from '../../src/files/writeSafetensors.js';
import { emptyFolder, run } from './run.js';

const tensor = (n: number, m: number, entry: (i: number, j: number) => number) => ({
  shape: [n, m],
  data: Float32Array.from({ length: n * m }, (_, k) => entry(Math.floor(k / m), k % m)),
});

/** A folder with a checkpoint in a folder, and an adapter in another. */
function inputs(): string {
  const folder = emptyFolder();
  for (const name of ['ck', 'adapter', 'elsewhere']) mkdirSync(join(folder, name));
  writeSafetensors(join(folder, 'ck/model.safetensors'), {
    s: tensor(1, 3, (_, j) => 3 - j),
    c: tensor(4, 4, (i, j) => (i === j ? 1 + i : 0)),
  });
  writeSafetensors(join(folder, 'adapter/adapter_model.safetensors'), {
    lora_A: tensor(2, 4, (i, j) => (i === j ? 1 : 0)),
    lora_B: tensor(5, 2, () => 0),
  });
  return folder;
}

it.each([
  ['spectrum', '--spectrum ck#s'],
  ['covariance', '--spectrum power:1 --loss linear-regression --covariance ck#c'],
  ['start', '--spectrum power:1 --init adapter'],
  ['start, of a module', '--spectrum power:1 --init kaiming,adapter#'],
])('a folder is the %s', async (_, named) => {
  const sweep = `--backend cpu --shape 5x4 --ranks 2 --trials 2 --time 0.1 --out out`;
  const { code, stderr } = await run(
    `rankflow sweep ${named} ${sweep} --shard 1/1 && cd elsewhere &&
    rankflow sweep merge ../out`,
    { folder: inputs() },
  );
  expect(stderr).not.toContain('invalid');
  expect(code).toBe(0);
});

it('pods have no folders of adapters', async () => {
  const { code, stderr } = await run(
    `rankflow sweep submit --kubernetes --dry-run --shards 2 --image i --claim c --spectrum power:1 --shape 5x4 \\
    --ranks 2 --init adapter --trials 1 --out out`,
    { folder: inputs() },
  );
  expect(stderr).toContain('invalid config: adapter; must be without files, which pods do not have');
  expect(code).toBe(2);
});

it.each([
  ['target', '--target there/nothing.npy', 'there/nothing.npy'],
  ['loss', '--loss ./nothing.ts --shape 4x4', './nothing.ts'],
])('a %s that is not there is named as it was typed', async (_, named, typed) => {
  const { code, stderr, folder } = await run(`rankflow sweep ${named} --ranks 1 --backend cpu`);
  expect(code).toBe(2);
  expect(stderr).toContain(` ${typed}`);
  expect(stderr).not.toContain(folder);
});

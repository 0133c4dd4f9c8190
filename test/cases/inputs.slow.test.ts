/** Inputs of the wild on the command line: scales, adapters with their config, pointers, bfloat16, checkpoint folders. */
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { emptyFolder, run } from './run.js';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** Refused in one line on standard error, with code 2 and nothing written. */
async function refused(line: string, reason: RegExp, inputs = ''): Promise<void> {
  const { code, stdout, stderr, folder } = await run(line, { inputs });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(reason);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(existsSync(join(folder, 'out'))).toBe(false);
}

describe('scales', () => {
  it('underflow-stationary: a spectrum of 1e-30 is refused, with the factor that mends it', () =>
    refused(
      'rankflow sweep --backend wasm --spectrum 1e-30 --shape 8x8 --ranks 1,2 --trials 4 --out out',
      /invalid spectrum: norm 1\.00e-30; must be from 1e-10 to 1e10, .*multiply it by k = 1e30/,
    ));

  it('a target in 1e15 is refused by simulate and theory too', async () => {
    const target = 'printf "1e15,0\\n0,1e14\\n" > m.csv; rankflow';
    await refused(`${target} simulate --target m.csv --rank 1 --out out`, /invalid target: .*k = 1e-15/);
    await refused(`${target} theory --target m.csv --ranks 1`, /invalid target: .*k = 1e-15/);
  });
});

describe('peft-scale-ignored', () => {
  const inputs = 'peft-scale-ignored';
  const simulate = (init: string, more = '') =>
    `rankflow simulate --backend wasm --target $CASE/w.npy --rank 4 --init ${init} --time 1 --out out ${more}`;

  it('DoRA is refused by name', () =>
    refused(
      simulate('$CASE/adapter_model.safetensors'),
      /invalid .*: DoRA \(.*lora_magnitude_vector\)/,
      inputs,
    ));

  /** The adapter without DoRA, with a config. */
  function plain(config: object | null): string {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'lora'));
    // rank 1 factors [1, 8] and [12, 1] of ones.
    const header = JSON.stringify({
      'base_model.model.q_proj.lora_A.weight': { dtype: 'F32', shape: [1, 8], data_offsets: [0, 32] },
      'base_model.model.q_proj.lora_B.weight': { dtype: 'F32', shape: [12, 1], data_offsets: [32, 80] },
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const data = Buffer.from(new Float32Array(20).fill(0.1).buffer);
    writeFileSync(
      join(folder, 'lora/adapter_model.safetensors'),
      Buffer.concat([length, Buffer.from(header), data]),
    );
    if (config) writeFileSync(join(folder, 'lora/adapter_config.json'), JSON.stringify(config));
    return folder;
  }
  const start = (more = '') =>
    `rankflow simulate --backend wasm --spectrum power:1 --shape 12x8 --rank 1 --init lora --time 1 --out out ${more} --json`;
  /** Loss at the first save time, as simulate prints it. */
  const lossOf = (stdout: string) =>
    (JSON.parse(stdout) as { trials: { loss: number[] }[] }).trials[0]!.loss.at(-1)!;

  it('the scale is that of adapter_config.json, as with the same --scale, and it is said', async () => {
    const folder = plain({ peft_type: 'LORA', r: 1, lora_alpha: 8 });
    const own = await run(start(), { folder });
    expect(own.stderr).toMatch(/lora: s = 8, of its adapter_config\.json/);
    const [same, other] = [
      await run(start('--scale 8'), { folder: plain(null) }),
      await run(start('--scale 1'), { folder: plain(null) }),
    ];
    expect(same.stderr).not.toMatch('adapter_config');
    expect(lossOf(own.stdout)).toBe(lossOf(same.stdout));
    expect(lossOf(own.stdout)).not.toBe(lossOf(other.stdout));
  });

  it('a scale that differs from it is said, and a missing config too', async () => {
    const differs = await run(start('--scale 2'), { folder: plain({ r: 1, lora_alpha: 8 }) });
    expect(differs.stderr).toMatch(/lora: s = 2, as asked for; its adapter_config\.json says 8/);
    const missing = await run(start(), { folder: plain(null) });
    expect(missing.stderr).toMatch(/lora: s = 1: there is no adapter_config\.json beside it/);
    expect([differs.code, missing.code]).toEqual([0, 0]);
  });
});

it('lfs-pointer: it says that it is one', () =>
  refused(
    'rankflow theory --target $CASE/lfs.safetensors --ranks 1',
    /a Git LFS pointer, without the data; must be the file itself: fetch it with git lfs pull/,
    'lfs-pointer',
  ));

it('bf16-npy: bfloat16 of ml_dtypes is read', async () => {
  const { code, stdout } = await run('rankflow theory --target $CASE/bf16.npy --ranks 1 --json', {
    inputs: 'bf16-npy',
  });
  expect(code).toBe(0);
  // NumPy: half the squares of the singular values beyond the first, of the array as float64.
  const [{ optimum }] = JSON.parse(stdout) as [{ optimum: number }];
  expect(optimum / 24.487741413326752).toBeCloseTo(1, 9);
});

describe('checkpoint folders', () => {
  it('are a target and base, also from a config beside them', async () => {
    const folder = emptyFolder();
    cpSync(join(fixtures, 'sharded'), join(folder, 'model'), { recursive: true });
    mkdirSync(join(folder, 'cache'));
    for (const name of ['model.safetensors.index.json', 'model-00001-of-00002.safetensors'])
      symlinkSync(`../model/${name}`, join(folder, 'cache', name));
    writeFileSync(
      join(folder, 'c.yaml'),
      'target: model#layers.1.q_proj\nbase: cache#layers.0.q_proj\nranks: [1]\ntrials: 2\nbackend: wasm\n',
    );
    const { code, stdout } = await run('rankflow sweep --config c.yaml --out out --json', { folder });
    expect(code).toBe(0);
    expect(stdout).toMatch('layers.1.q_proj');
  });

  it('of GPT-2 are transposed, which is said, unless it is asked for otherwise', async () => {
    const theory = (flags: string) =>
      run(`rankflow theory --target ${fixtures}gpt2#h.0.attn.c_attn --ranks 1 --json ${flags}`);
    const [own, no, yes] = [await theory(''), await theory('--no-transpose'), await theory('--transpose')];
    expect([own, no, yes].map(({ stdout }) => (JSON.parse(stdout) as [{ n: number }])[0].n)).toEqual([
      3, 2, 3,
    ]);
    expect(own.stderr).toMatch(/is transposed: a Conv1D weight, \[in, out\]/);
    expect(no.stderr + yes.stderr).toBe('');
  });

  it('--transpose needs a file', () =>
    refused(
      'rankflow theory --spectrum power:1 --shape 4x4 --ranks 1 --transpose',
      /invalid transpose: true/,
    ));
});

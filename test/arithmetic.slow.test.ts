/** What computes a sweep's folder is pinned: what would give other last digits is refused by name. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDevice } from '../src/solver/device.js';
import { arithmeticOf, pin, pinnedIn, type Arithmetic } from '../src/results/arithmetic.js';
import { computeSweep } from '../src/run/computeSweep.js';
import { openSweep } from '../src/run/folderSweep.js';
import { inventoryOf } from '../src/run/mergeParts.js';
import { mergeSweep } from '../src/run/mergeSweep.js';
import { writePart } from '../src/results/parts.js';
import { trialColumns, trialTypes } from '../src/results/trialParts.js';
import type { SweepInput } from '../src/sweep/config.js';
import type { Trial } from '../src/sweep/row.js';
import { runTrials, waysOf } from '../src/run/trials.js';
import { computeFolder, smallSweep, temporaryFolder } from './sweepFolders.js';

const work = temporaryFolder('arithmetic');
const small: SweepInput = { ...smallSweep, trials: 3000 };
const computed = (input: SweepInput, shard?: { number: number; of: number }) =>
  computeFolder(work, input, shard);

const namesBelow = (path: string) => readdirSync(path, { recursive: true }).sort();

describe('a folder', () => {
  it('says what computes it, in a file and in every part', async () => {
    const path = await computed(small);
    const sweep = await openSweep(path);
    const device = await openDevice('wasm');
    const own = arithmeticOf(device.info, sweep.plan.config, waysOf(sweep.plan, device));
    expect(own).toMatchObject({ backend: 'wasm', paths: ['fused'], precision: 'float32' });
    expect(own.variant).toBe(device.info.fusedVariant);
    // Tensor operations do not depend on it.
    const otherwise = arithmeticOf(device.info, sweep.plan.config, [{ path: 'tensor-ops', reason: null }]);
    expect(otherwise.variant).toBe('WebAssembly SIMD');
    expect(pinnedIn(path)).toEqual(own);
    rmSync(join(path, 'arithmetic.json'));
    expect(inventoryOf(sweep).arithmetic).toEqual(own);
  });

  it.each<[string, Partial<SweepInput>, string]>([
    [
      'backend',
      { backend: 'cpu' },
      'invalid backend: cpu; must be wasm, as what is done in FOLDER (--backend wasm)',
    ],
    [
      'kernel',
      { kernel: 'tensor-ops' },
      'invalid kernel: tensor-ops; must be fused, as what is done in FOLDER (--kernel fused)',
    ],
  ])('that another %s began is left as it is', async (_, other, message) => {
    const path = await computed(small, { number: 1, of: 2 });
    mkdirSync(join(path, 'trials/part-000000-0123456789abcdef.parquet'));
    const before = namesBelow(path);
    const begun = await openSweep(path, other as object);
    await expect(computeSweep(begun, {})).rejects.toThrow(message.replace('FOLDER', path));
    // Without the file, the parts say it.
    rmSync(join(path, 'arithmetic.json'));
    await expect(computeSweep(begun, {})).rejects.toThrow(message.replace('FOLDER', path));
    expect(namesBelow(path)).toEqual(before.filter((name) => name !== 'arithmetic.json'));
  });

  it('that was begun on the backend that there was goes on with it', async () => {
    const path = await computed(small, { number: 1, of: 2 });
    const file = join(path, 'config.json');
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .replace('"backend": "wasm"', '"backend": "auto"')
        .replace('"backend": "wasm"', '"backend": "auto"'),
    );
    const { plan } = await openSweep(path);
    expect(plan.config.backend).toBe('wasm');
  });

  it('is not merged with one that was computed otherwise', async () => {
    const one = await computed(small, { number: 1, of: 2 });
    const two = await computed({ ...small, backend: 'cpu' }, { number: 2, of: 2 });
    const target = join(work, 'merged');
    const all = [await openSweep(one), await openSweep(two)];
    const merged = mergeSweep({ ...all[0]!, path: target, record: null }, all);
    await expect(merged).rejects.toMatchObject({ name: 'InputError', field: 'folders' });
    await expect(merged).rejects.toThrow(
      /computed by cpu \(plain JavaScript\), tensor-ops, float32; must be computed as .*: by wasm/,
    );
    expect(existsSync(target)).toBe(false);
    expect(namesBelow(work).filter((name) => String(name).endsWith('.part'))).toEqual([]);
  });

  it('is merged with one that was computed alike, whatever asked for it', async () => {
    const one = await computed(small, { number: 1, of: 2 });
    const two = await computed({ ...small, kernel: 'fused' }, { number: 2, of: 2 });
    const all = [await openSweep(one), await openSweep(two)];
    const path = join(work, 'alike');
    await mergeSweep({ ...all[0]!, path, record: null }, all);
    expect(pinnedIn(path)).toEqual(pinnedIn(one));
    const whole = await computed(small);
    expect(readdirSync(join(path, 'trials'))).toEqual(readdirSync(join(whole, 'trials')));
  });

  it('holds no part that something else computed', async () => {
    const path = await computed(small);
    const begun = await openSweep(path);
    const { plan, chunks } = begun;
    const [own] = readdirSync(join(path, 'trials')) as [string];
    rmSync(join(path, 'trials', own));
    const trials: Trial[] = [];
    for await (const some of runTrials(plan, chunks[0]!.spans, await openDevice('wasm', { workers: 1 })))
      for (const trial of some) trials.push(trial);
    trials.sort((a, b) => a.row.cell - b.row.cell || a.row.trial - b.row.trial);
    const other: Arithmetic = { ...pinnedIn(path)!, variant: 'another' };
    writePart(begun, other, 0, trialColumns(trials), trialTypes);
    const [fault, ...rest] = inventoryOf(await openSweep(path)).faults;
    expect(rest).toEqual([]);
    expect(fault!.reason).toMatch(
      /^it was computed by wasm \(another\), fused, float32, not by wasm \((native|wasm)-/,
    );
    await expect(mergeSweep(await openSweep(path))).rejects.toThrow('it was computed by wasm (another)');
    // It is set aside, and computed anew.
    await computeSweep(await openSweep(path), {});
    expect(readdirSync(join(path, 'trials'))).toContain(own);
    expect(readdirSync(join(path, 'set-aside'))).toHaveLength(1);
  });

  it('is pinned by the first of runs that start together', () => {
    const folder = mkdtempSync(join(work, 'pin-'));
    const own: Arithmetic = { backend: 'wasm', variant: 'a', paths: ['fused'], precision: 'float32' };
    pin(folder, own);
    pin(folder, { ...own });
    expect(() => pin(folder, { ...own, variant: 'b' })).toThrow(
      /^invalid backend: wasm \(b\); must be wasm \(a\), as what is done in /,
    );
    const other = mkdtempSync(join(work, 'pin-'));
    pin(other, { ...own, variant: 'native-avx2' });
    expect(() => pin(other, { ...own, variant: 'wasm-simd' })).toThrow(
      `invalid fusedKernel: wasm-simd; must be native-avx2, as what is done in ${other} (--fused-kernel native-avx2)`,
    );
    expect(() => pin(folder, { ...own, paths: ['fused', 'tensor-ops'] })).toThrow(
      /^invalid kernel: fused and tensor-ops; must be fused/,
    );
    expect(() => pin(folder, { ...own, precision: 'float64' })).toThrow(
      /^invalid precision: float64; must be float32/,
    );
    expect(pinnedIn(folder)).toEqual(own);
    expect(readdirSync(folder)).toEqual(['arithmetic.json']);
  });
});

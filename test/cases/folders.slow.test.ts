/** What a sweep's folder rests on, and names of files and folders that are unusual. */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyFolder, run, slow } from './run.js';

const custom = '--backend wasm --shape 6x5 --ranks 2 --trials 2 --time 3';

describe('a plan', () => {
  it('rests on what its loss imports', async () => {
    const { code, stderr } = await run(
      `cp $CASE/*.ts . && rankflow sweep ${custom} --loss imports.ts --out out && rm out/trials/* &&
      echo 'export const target = 5;' > target.ts; rankflow sweep --resume out`,
      { inputs: 'import-changed-before-resume' },
    );
    expect(stderr).toContain('invalid folder');
    expect(stderr).toContain('whose files, and whose version of rankflow, are as they were');
    expect(code).toBe(2);
  });

  const loss = (head: string) => `${head}; export default (w) => w.sub(target).square().sum([1, 2]);`;
  it.each<[string, string, string, string]>([
    ['imported by an import', "import './between'; const target = 1", 'between.ts', "export * from './deep'"],
    ['JSON', "import { target } from './deep.json'", '', ''],
    ['imported when it is loaded', "const { target } = await import('./deep')", '', ''],
    ['required', "const { target } = require('./deep')", '', ''],
    ['in a folder', "import { target } from './between'", 'between/index.ts', "export * from '../deep.mjs'"],
    [
      'of Node.js modules',
      "import { target } from './between.mjs'",
      'between.mjs',
      "export * from './deep.mjs'",
    ],
    [
      'of CommonJS',
      "import { target } from './between.cjs'",
      'between.cjs',
      "exports.target = require('./deep.cjs').target",
    ],
    [
      'read',
      "import { readFileSync } from 'node:fs'; const target = Number(readFileSync('deep.txt', 'utf8'))",
      '',
      '',
    ],
  ])('rests on a file that is %s', async (_, head, between, text) => {
    const folder = emptyFolder();
    const [, ending] = /deep(\.\w+)/.exec(head + text) ?? [];
    const file = `deep${ending ?? '.ts'}`;
    const content = (value: number) =>
      ending === '.json'
        ? `{ "target": ${value} }`
        : ending === '.txt'
          ? String(value)
          : ending === '.cjs'
            ? `exports.target = ${value}`
            : `export const target = ${value}`;
    if (between.includes('/')) mkdirSync(join(folder, 'between'));
    if (between) writeFileSync(join(folder, between), text);
    writeFileSync(join(folder, 'loss.ts'), loss(head));
    writeFileSync(join(folder, file), content(2));
    const first = await run(`rankflow sweep ${custom} --loss loss.ts --out out && rankflow status out`, {
      folder,
    });
    expect(first.stderr).not.toContain('invalid');
    expect(first.code).toBe(0);
    writeFileSync(join(folder, file), content(3));
    const { code, stderr } = await run('rankflow sweep --resume out', { folder });
    expect(stderr).toContain('invalid folder');
    expect(code).toBe(2);
  });

  it('rests on the tensor that it names, and not on others of the file', async () => {
    const folder = emptyFolder();
    const header = JSON.stringify({
      w: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
      other: { dtype: 'F32', shape: [2], data_offsets: [16, 24] },
    }).padEnd(128);
    const write = (w: number, other: number) =>
      writeFileSync(
        join(folder, 'm.safetensors'),
        Buffer.concat([
          Buffer.from(BigUint64Array.of(128n).buffer),
          Buffer.from(header),
          Buffer.from(Float32Array.of(w, 0, 0, 1, other, 0).buffer),
        ]),
      );
    write(2, 5);
    const lines = 'rankflow sweep --backend wasm --target m.safetensors#w --ranks 1 --trials 2 --out out';
    expect((await run(lines, { folder })).code).toBe(0);
    write(2, 6);
    expect((await run('rankflow status out', { folder })).code).toBe(0);
    write(3, 6);
    expect((await run('rankflow status out', { folder })).code).toBe(2);
  });

  it.skipIf(!slow).each([3e9, 5e9])('takes a target from a file of %d bytes', async (size) => {
    const folder = emptyFolder();
    const header = JSON.stringify({
      w: { dtype: 'F32', shape: [4, 4], data_offsets: [0, 64] },
      rest: { dtype: 'U8', shape: [size], data_offsets: [64, 64 + size] },
    }).padEnd(256);
    const file = openSync(join(folder, 'big.safetensors'), 'w');
    writeSync(file, Buffer.from(BigUint64Array.of(256n).buffer));
    writeSync(file, header);
    writeSync(file, Buffer.from(Float32Array.from({ length: 16 }, (_, i) => (i % 5 ? 0 : 4 - i / 5)).buffer));
    ftruncateSync(file, 8 + 256 + 64 + size);
    closeSync(file);
    const { code, stdout, stderr } = await run(
      'rankflow sweep --backend wasm --target big.safetensors#w --ranks 1,2 --trials 4 --out out && rankflow sweep --resume out',
      { folder },
    );
    expect(stderr).not.toContain('invalid');
    expect(stdout).toContain('Results: ');
    expect(code).toBe(0);
  });
});

describe('names', () => {
  it('of folders may hold a number sign', async () => {
    const { code, stderr } = await run(
      `mkdir -p 'run #3' && cp $CASE/w.npy 'run #3/' &&
      rankflow sweep --backend wasm --target 'run #3/w.npy' --ranks 1 --trials 2 --out 'out #1' &&
      rankflow sweep --resume 'out #1' && rankflow status 'out #1' && rankflow sweep merge 'out #1'`,
      { inputs: 'hash-in-folder' },
    );
    expect(stderr).not.toContain('invalid');
    expect(code).toBe(0);
  });

  it.each(['a #1,b 100%23 ü?', "-it's"])('may be %s', async (name) => {
    const folder = emptyFolder();
    const at = join(folder, name);
    mkdirSync(at);
    writeFileSync(join(at, 'target.ts'), 'export const target = 2;');
    writeFileSync(
      join(at, 'loss.ts'),
      "import { target } from './target'; export default (w) => w.sub(target).square().sum([1, 2]);",
    );
    writeFileSync(join(at, 'sweep.yaml'), 'loss: [loss.ts]\nshape: [6x5]\nranks: [2]\ntrials: 2\ntime: 3\n');
    writeFileSync(join(at, 'w.csv'), '1,2\n3,4\n');
    const quoted = `"./${name}"`;
    const { code, stderr } = await run(
      `rankflow sweep --backend wasm --config ${quoted}/sweep.yaml --out ${quoted}/out &&
      rankflow sweep --resume ${quoted}/out && rankflow status ${quoted}/out &&
      rankflow sweep --backend wasm --target ${quoted}/w.csv --ranks 1 --trials 2 --out ${quoted}/w &&
      rankflow simulate --backend wasm --target ${quoted}/w.csv --rank 1 --trials 1 --out ${quoted}/start &&
      rankflow sweep --backend wasm --target ${quoted}/w.csv --ranks 1 --trials 1 --init kaiming,${quoted}/start/adapters.safetensors --out ${quoted}/again &&
      rankflow sweep ${custom} --loss ${quoted}/loss.ts,frobenius --spectrum power:1 --out ${quoted}/both`,
      { folder },
    );
    expect(stderr).not.toContain('invalid');
    expect(code).toBe(0);
  });
});

describe('a folder', () => {
  const small = '--backend wasm --spectrum power:1 --shape 8x8 --ranks 1 --trials 2';

  it('may be named with slashes at its end', async () => {
    const { code, stdout, stderr } = await run(
      `rankflow sweep ${small} --out results/ && rankflow sweep ${small} --out deep//more// &&
      rankflow simulate --backend wasm --spectrum 2,1 --shape 8x8 --rank 1 --trials 1 --out ./one/. &&
      rankflow sweep merge results/ --out again/ && rankflow status again/ > /dev/null && ls again deep/more one`,
    );
    expect(stderr).not.toContain('invalid');
    expect(code).toBe(0);
    expect(stdout).toContain('Results: results/ (open results/report.html)');
    expect(stdout).toContain('report.html\n');
  });

  it('may have lost subfolders that were empty', async () => {
    const { code, stdout, stderr } = await run(
      `rankflow sweep ${small} --out s
      for lost in 'plots runs' 'plots runs trials'; do
        (cd s && rm -r $lost) && rankflow status s > /dev/null; echo "status $?"
        (cd s && rm -rf $lost) && rankflow sweep merge s > /dev/null; echo "merge $?"
        (cd s && rm -rf $lost) && rankflow sweep --resume s > /dev/null; echo "resume $?"
      done`,
      { seconds: 200 },
    );
    expect(stderr).not.toMatch(/ENOENT|Error|Go on/);
    const merged = [0, 1];
    expect(stdout.slice(stdout.indexOf('status'))).toBe(
      merged.map((status) => `status 0\nmerge ${status}\nresume 0\n`).join(''),
    );
    expect(code).toBe(0);
  }, 240_000);

  it('may hold files of systems and editors, which are no parts, and is told of what is in the way', async () => {
    const { code, stdout, stderr } = await run(
      `rankflow sweep ${small} --out s > /dev/null && cd s/trials && part=$(ls) &&
      touch .DS_Store ._$part Thumbs.db $part~ "#$part#" .$part.swp desktop.ini && cd ../.. &&
      cp s/trials/.DS_Store s/runs/ && mkdir s/runs/x.json && rankflow sweep merge s > /dev/null && rankflow status s --json > status.json &&
      ls -A s/trials | wc -l && rm s/trials/$part && mkdir s/trials/$part && touch s/trials/$part/x && { rankflow sweep merge s; echo $?; } &&
      rankflow sweep --resume s > /dev/null && ls s/set-aside | wc -l`,
    );
    expect(stdout).toBe('8\n1\n1\n');
    const said = stderr.split('\n').filter((line) => line.includes('EISDIR'));
    expect(said).toHaveLength(2);
    for (const line of said)
      expect(line).toMatch(
        /^rankflow: .*it cannot be read \(EISDIR: illegal operation on a directory\)$|is set aside/,
      );
    expect(code).toBe(0);
  });

  it('is not left behind by a merge that fails', async () => {
    const half = '--backend wasm --spectrum power:1 --shape 32x32 --ranks 1,2,4 --trials 2000 --time 2';
    const { code, stdout, stderr } = await run(
      `rankflow sweep ${half} --shard 1/2 --out a; rankflow sweep ${half} --shard 2/2 --out b
      rankflow sweep merge a --out m; echo $?; ls -A | grep -c '^m'
      rankflow sweep merge a b --out m && rankflow sweep merge a m b --out both && diff -r m/trials both/trials`,
      { seconds: 180 },
    );
    expect(stdout).toMatch(/^1\n0\n/);
    expect(stderr).toContain('chunks are missing');
    expect(code).toBe(0);
  }, 240_000);
});

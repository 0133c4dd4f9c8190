/** Bad input against the one line and the exit code that it must get: the field, the value, what is allowed. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../src/files/writeSafetensors.js';
import { inOneProcess } from '../oneProcess.js';
import { work, rankflow, done, matrix, csv } from './support.js';

describe.concurrent('bad input', () => {
  const bad = join(work, 'bad');
  mkdirSync(join(bad, 'there'), { recursive: true });
  const give = (name: string, content: string | Uint8Array) => writeFileSync(join(bad, name), content);
  give('m.csv', csv(matrix(6, 5, 0)));
  give('square.csv', csv(matrix(5, 5, 0)));
  give('nan.csv', '1,2\n3,NaN\n');
  give('file', 'a regular file');
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  writeSafetensors(join(bad, 'stack.safetensors'), {
    lora_A: { shape: [3, 2, 2], data },
    lora_B: { shape: [3, 2, 2], data },
  });
  const whole = readFileSync(join(bad, 'stack.safetensors'));
  give('cut.safetensors', whole.subarray(0, -1));
  const length = Buffer.from(whole);
  length.writeBigUInt64LE(10n ** 15n);
  give('length.safetensors', length);
  give('lying.safetensors', Buffer.from(whole.toString('latin1').replace('[3,2,2]', '[3,2,9]'), 'latin1'));
  const common = 'spectrum: power:1\nshape: [6x5]\n';
  give('unknown.yaml', `${common}ranks: [1]\nrankz: 3`);
  give('broken.yaml', 'spectrum: [1, 2\nranks: }');
  give('list.yaml', '- 1');
  give('empty.yaml', `${common}ranks: []`);
  give('nan.yaml', `${common}ranks: [1]\ntime: .nan`);
  give('lines.yaml', 'spectrum: "a\\nb"\nshape: [6x5]\nranks: [1]');
  give('throws.ts', 'export default () => { throw new Error("first line\\nsecond line") };');
  give('number.ts', 'export default () => 3;');
  give('scalar.ts', "export default (w: never, tf: typeof import('@tensorflow/tfjs')) => tf.sum(w);");
  give('syntax.ts', 'export default (w => {');
  const squares = '(w: any, tf: any) => tf.sum(tf.square(w), [1, 2])';
  give('gradient.ts', `export default ${squares}; export const gradient = ${squares};`);
  const before = readdirSync(bad, { recursive: true }).sort();

  const six = 'sweep --spectrum power:1 --shape 6x5 --time 1';
  const one = `${six} --ranks 1`;
  const shaped = 'sweep --shape 6x5 --ranks 1';
  const file = 'sweep --ranks 1 --time 1 --target';
  const simulate = 'simulate --spectrum power:1 --shape 6x5 --time 1';

  /** Command line, and what its one line must say: the field, the value, what is allowed. */
  const cases: [string, ...string[]][] = [
    ['nope', 'nope'],
    ['sweep', 'ranks', 'list'],
    [six, 'ranks', 'list'],
    [`${one} --foo 1`, 'foo'],
    [`${six} --ranks`, 'ranks'],
    [`${six} --ranks -1`, 'ranks', '-1', 'at least 1'],
    [`${six} --ranks 2,0`, 'ranks', '0', 'at least 1'],
    [`${six} --ranks 1.5`, 'ranks', '1.5', 'whole'],
    [`${six} --ranks 1,,2`, 'ranks', '""', 'number'],
    [`${six} --ranks 6`, 'rank', '6', 'min(n, m) = 5'],
    [
      'theory --spectrum power:1 --shape 6x5 --ranks 1 --noise 0.5 --loss linear-regression --covariance exp:0.1',
      ...['noise', '0.5', 'left out of linear-regression: it is for frobenius'],
    ],
    [`${one} --init orthogonal`, 'rank', '1', 'even'],
    [`${one} --init nope`, 'init', 'nope', 'kaiming'],
    [`${one} --init gaussian:0`, 'init', 'gaussian:0', 'from 1e-12 to 1e12'],
    [`${one} --init gaussian:1e39`, 'init', 'gaussian:1e39', 'from 1e-12 to 1e12'],
    [`${shaped} --time 1 --spectrum 0,0`, 'spectrum', 'not all zero'],
    [`${one} --init pissa`, 'init', 'pissa', 'base'],
    [`${one} --init olora`, 'init', 'olora', 'base'],
    [`${one} --init mica`, 'init', 'mica', 'base'],
    [`${one} --init eva`, 'init', 'eva', 'covariance'],
    [
      'sweep --spectrum power:1 --shape 5x5 --time 1 --ranks 1 --loss trace-squared --init lora-one',
      'init',
      'lora-one',
      'trace of W0',
    ],
    [`${six} --ranks 3 --init lora-ga`, 'rank', '3', 'at most 2 for lora-ga'],
    [`${one} --init lora-one:0`, 'init', 'lora-one:0', 'gamma from 1e-12'],
    [`${one} --observe sharp`, 'observe', 'sharp', 'sharpness'],
    [`${one} --observe intruders`, 'observe', 'intruders', 'base'],
    [
      'sweep --spectrum power:1 --shape 5x5 --time 1 --ranks 1 --loss trace-squared --observe angles',
      'observe',
      'angles',
      'target',
    ],
    [`${one} --init missing.safetensors`, 'missing.safetensors', 'no such file'],
    [`${one} --method nope`, 'method', 'nope', 'dopri5'],
    [`${one} --method rk4`, 'step', 'rk4'],
    [`${one} --method rk4 --step 0.1 --rtol 1e-3`, 'rtol', '0.001', 'left out'],
    [`${one} --method rk4 --step 0.3`, 'time', '1', 'multiple of the step 0.3'],
    [`${one} --method rk4 --step 0.1 --save-times 0.25`, 'saveTimes', '0.25', 'multiple'],
    [`${one} --step 0.1`, 'step', '0.1', 'left out'],
    [`${one} --workers 0`, 'workers', '0', 'at least 1'],
    [`${one} --kernel nope`, 'kernel', 'nope', 'tensor-ops'],
    [`${one} --kernel fused --backend cpu`, 'kernel', 'fused', 'cpu has no fused kernel in float32'],
    [`${one} --kernel tensor-ops --precision float64`, 'precision', 'float64', 'float32'],
    [`${one} --precision float64 --loss gradient.ts`, 'precision', 'float64', 'no fused kernel for'],
    [`${one} --save-times 2`, 'saveTimes', '2', 'at most the end time 1'],
    [`${one} --loss nope`, 'loss', 'nope', 'frobenius'],
    [`${one} --loss throws.ts`, 'loss', 'throws.ts', 'second line'],
    [`${one} --loss number.ts`, 'loss', 'number.ts', '[batch, n, m]'],
    [`${one} --loss scalar.ts`, 'loss', 'scalar.ts', '[batch]'],
    [`${one} --loss syntax.ts`, 'loss', 'syntax.ts'],
    [`${one} --loss trace-squared`, 'shape', '6x5', 'square'],
    [`${one} --loss linear-regression`, 'covariance', 'spectrum'],
    [`${one} --loss linear-regression --covariance square.csv`, 'covariance', 'symmetric'],
    [`${one} --loss linear-regression --covariance m.csv`, 'covariance', '6 x 5', '5 x 5'],
    [`${one} --loss linear-regression --covariance power:x`, 'covariance', 'power:x', 'positive'],
    [`${one} --covariance square.csv`, 'covariance', 'left out'],
    [`${one} --backend nope`, 'backend', 'nope', 'wasm'],
    [`${one} --backend webgl`, 'backend', 'webgl', 'works here'],
    [`${one} --steady 2`, 'steady', '2', 'at most 1'],
    [`${one} --trials 1e12`, 'trials', '1000000000000', 'at most'],
    [`${one} --trials 1e999`, 'trials', 'Infinity', 'number'],
    [`${shaped} --spectrum power:1 --time NaN`, 'time', 'NaN', 'number'],
    [`${one} --alpha 1e999`, 'alpha', 'Infinity', 'number'],
    [`${one} --shape 0x5`, 'shape', '0x5', 'NxM'],
    [`${one} --shape 100000000x100000000`, 'shape', '100000000x100000000', 'at most'],
    [`${one} --shape 65536x65536 --vectors random`, 'vectors', 'random', 'identity'],
    [`${shaped} --time 1 --spectrum 3,-1`, 'spectrum', '-1', 'not negative'],
    [`${shaped} --time 1 --spectrum 1,1e999`, 'spectrum', '[1, Infinity]', 'finite'],
    [`${shaped} --time 1 --spectrum 6,5,4,3,2,1`, 'spectrum', '6 values', 'at most min(n, m) = 5'],
    [`${shaped} --time 1 --spectrum missing.csv`, 'missing.csv', 'no such file'],
    [`${one} --out there`, 'out', 'there', 'not exist yet'],
    [`${one} --out file/below`, 'out', 'file/below', 'can be made'],
    [`${one} --config missing.yaml`, 'config', 'missing.yaml', 'no such file'],
    ['sweep --config unknown.yaml', 'key', 'rankz', 'one of loss'],
    ['sweep --config broken.yaml', 'config', 'broken.yaml', 'YAML'],
    ['sweep --config list.yaml', 'config', 'list.yaml', 'mapping'],
    ['sweep --config empty.yaml', 'ranks', '[]', 'not empty'],
    ['sweep --config nan.yaml', 'time', 'NaN', 'number'],
    ['sweep --config lines.yaml', 'spectrum', 'a b', 'power:P'],
    [`${file} nan.csv`, 'nan.csv', '"NaN" in row 2, column 2', 'finite'],
    [`${file} missing.npy`, 'missing.npy', 'no such file'],
    [`${file} m.csv --shape 5x5`, 'shape', '5x5', '6x5'],
    [`${file} m.csv --base square.csv`, 'base', '5 x 5', '6 x 5'],
    [`${file} cut.safetensors`, 'cut.safetensors', 'well-formed'],
    [`${file} length.safetensors`, 'length.safetensors', '1000000000000000 bytes'],
    [`${file} lying.safetensors`, 'lying.safetensors', 'cannot hold', 'well-formed'],
    [
      'sweep --spectrum 2,1 --shape 2x2 --ranks 2 --init stack.safetensors --trials 4',
      'trials',
      '4',
      'at most 3',
    ],
    [
      'sweep --spectrum 2,1 --shape 2x2 --ranks 1 --init stack.safetensors --trials 3',
      'lora_A',
      '[3,2,2]',
      '[1, 2]',
    ],
    [simulate, 'rank', 'number'],
    [`${simulate} --rank 0`, 'rank', '0', 'at least 1'],
    [`${simulate} --rank 1 --draw 3`, 'draw: 3', '0 without noise'],
    [`${simulate} --rank 1 --kernel krylov`, 'kernel: krylov', 'auto or tensor-ops', 'not decomposed'],
    ['reproduce --only ', 'only'],
    [`${simulate} --rank 9`, 'rank', '9', 'min(n, m) = 5'],
    [`${simulate} --rank 1 --out file/below`, 'out', 'file/below', 'can be made'],
    [`${simulate} --rank 1 --scale 0`, 'scale', '0', 'more than 0'],
    ['theory --ranks 1', 'shape', 'NxM'],
    ['theory --spectrum power:1 --shape 6x5 --ranks 9', 'rank', '9', 'min(n, m) = 5'],
    ['verify --only nope', 'only', 'nope', 'flow/autodiff'],
    ['verify --only flow,flow/auto', 'only', 'flow/auto'],
    ['verify --size huge', 'size', 'huge', 'small, paper, large'],
    ['verify --seed -1', 'seed', '-1', 'at least 0'],
    ['verify --seed 9007199254740992', 'seed', '9007199254740992'],
    ['verify --seed x', 'seed', 'x', 'number'],
    ['verify --backend nope', 'backend', 'nope', 'all'],
    ['verify --backend webgl', 'backend', 'webgl', 'works here'],
    ['verify --json file/below', 'json', 'file/below', 'can be written'],
    ['verify --html there', 'html', 'there', 'it is a folder'],
    ['verify --json a.out --html ./a.out', 'json', 'a.out', 'another file'],
    ['verify --shape 3x3', 'shape', '3x3', 'left out'],
    ['verify --loss nope.ts', 'loss', 'nope.ts', '.js file'],
    ['verify --loss scalar.ts', 'loss', 'scalar.ts', '[batch]'],
    ['verify --loss gradient.ts', 'loss', 'gradient.ts', '[2,6,5] to [2]'],
    ['verify --loss gradient.ts --base m.csv --shape 5x5', 'shape', '5x5', '6x5'],
    ['devices --foo', 'foo'],
  ];

  const together = inOneProcess(
    cases.map(([line]) => line.split(' ')),
    bad,
  );

  /** Run in a process of its own, as a user runs it: one of each kind of place where input is refused. All others share one. */
  const alone = new Set([
    ...['nope', `${one} --foo 1`, `${six} --ranks 6`, `${one} --loss throws.ts`, `${one} --backend webgl`],
    ...[`${file} cut.safetensors`, 'verify --loss gradient.ts'],
  ]);

  it('has all that run alone in its list', () => {
    const lines = cases.map(([line]) => line);
    expect([...alone].filter((line) => !lines.includes(line))).toEqual([]);
  });

  it.each(cases.map((words, i) => [i, ...words] as const))('%i: %s', async (i, line, ...words) => {
    const ran = alone.has(line) ? rankflow(line.split(' '), bad) : together.then((runs) => runs[i]!);
    const { code, stdout, stderr } = await ran;
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^rankflow: /);
    for (const word of words) expect(stderr).toContain(word);
  });

  it('an absent backend says how to get it', async ({ skip }) => {
    const { stdout } = await done('devices --json');
    const absent = JSON.parse(stdout).find(({ name }: { name: string }) => name === 'tensorflow');
    skip(absent.available, 'it is here');
    const { code, stderr } = await rankflow([...one.split(' '), '--backend', 'tensorflow'], bad);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `rankflow: invalid backend: tensorflow; must be a backend that works here (${absent.reason})\n`,
    );
  });

  afterAll(() => expect(readdirSync(bad, { recursive: true }).sort()).toEqual(before));
});

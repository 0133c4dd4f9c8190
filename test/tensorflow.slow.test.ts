/** TensorFlow's native backend: how it is found, what is said when it fails, and its setup's refusals. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendReport } from '../src/backend/backend.js';
import { explained, obstacleIn } from '../src/backend/tensorflowFailure.js';
import { closeBackends, useBackend } from '../src/backend/useBackend.js';

const root = resolve(import.meta.dirname, '..');

describe('failures are explained', () => {
  const cases: [string, RegExp][] = [
    [
      "The Node.js native addon module (tfjs_binding.node) can not be found at path: /x. \nPlease run command 'npm rebuild'",
      /^its native addon was not built: npm run setup:tensorflow/,
    ],
    [
      'libcudnn.so.9: cannot open shared object file: No such file or directory',
      /^it needs libcudnn\.so\.9 of cuDNN, which is not found: .*--gpu/,
    ],
    [
      'libcublasLt.so.12: cannot open shared object file: No such file or directory',
      /^it needs libcublasLt\.so\.12 of CUDA/,
    ],
    [
      'libtensorflow.so.2: cannot open shared object file',
      /^it needs libtensorflow\.so\.2, which is not found/,
    ],
    [
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by x.node)",
      /^it needs GLIBC_2\.38, which is newer than this system's C libraries/,
    ],
    [
      "The module 'x.node'\nwas compiled against a different Node.js version using\nNODE_MODULE_VERSION 93.",
      /^its native addon is for another Node\.js than v\d/,
    ],
    ['/x/tfjs_binding.node: invalid ELF header', /^its native addon is for another platform than /],
    ['something new\nand its stack', /^something new$/],
  ];
  it.each(cases)('%s', (message, told) => expect(explained(new Error(message))).toMatch(told));

  it('also where a GPU is not seen, from the log of TensorFlow', () => {
    const missing = (name: string) =>
      `W dso_loader.cc:64] Could not load dynamic library '${name}'; dlerror: x\n`;
    const log = missing('libcudart.so.11.0') + missing('libcudnn.so.8') + missing('libcudnn.so.8');
    expect(obstacleIn(log)).toBe('these libraries are not found: libcudart.so.11.0, libcudnn.so.8');
    expect(obstacleIn('E failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error')).toContain(
      'CUDA_ERROR_UNKNOWN',
    );
    expect(obstacleIn('all is well')).toBeNull();
  });
});

/** A rankflow of its own whose packages are those here, but for what is written over them. */
function project(packages: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-tensorflow-'));
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@tensorflow'), { recursive: true });
  const link = (name: string) => symlinkSync(join(root, 'node_modules', name), join(modules, name));
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@tensorflow' && !name.startsWith('.')) link(name);
  for (const name of readdirSync(join(root, 'node_modules/@tensorflow'))) link(`@tensorflow/${name}`);
  for (const [name, files] of Object.entries(packages))
    for (const [file, text] of Object.entries(files)) {
      const path = join(folder, name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  return folder;
}

function tensorflowIn(folder: string): BackendReport {
  const main = join(folder, 'dist/src/cli/main.js');
  const out = execFileSync(process.execPath, [main, 'devices', '--json'], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  return (JSON.parse(out) as BackendReport[]).find(({ name }) => name === 'tensorflow')!;
}

const manifest = (version: string) => JSON.stringify({ version, main: 'index.js' });
const node = 'node_modules/@tensorflow/tfjs-node';

describe('devices', () => {
  const folders: string[] = [];
  const found = (packages: Parameters<typeof project>[0]) => {
    folders.push(project(packages));
    return tensorflowIn(folders.at(-1)!);
  };
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

  it('say how to get it where it is not installed', () => {
    const { available, reason } = found({});
    expect(available).toBe(false);
    expect(reason).toMatch(
      /^@tensorflow\/tfjs-node-gpu or @tensorflow\/tfjs-node is not installed: npm run setup:tensorflow/,
    );
  });

  it('name every package that fails, and why', () => {
    const { available, reason } = found({
      [`${node}-gpu`]: { 'package.json': manifest('4.21.0'), 'index.js': 'process.exit(7)' },
      [node]: {
        'package.json': manifest('4.22.0'),
        'index.js': 'throw new Error("libcudnn.so.8: cannot open shared object file")',
      },
    });
    expect(available).toBe(false);
    expect(reason).toMatch(
      /^@tensorflow\/tfjs-node-gpu is 4\.21\.0, .*rankflow has 4\.22\.0; @tensorflow\/tfjs-node fails: it needs libcudnn\.so\.8 of cuDNN/,
    );
  });

  it('refuse a package that brings no backend', () => {
    const { reason } = found({ [node]: { 'package.json': manifest('4.22.0'), 'index.js': '' } });
    expect(reason).toContain('registers no backend');
  });

  it('take the one built for this machine before the published one', () => {
    const fails = (words: string) => ({
      'package.json': manifest('4.22.0'),
      'index.js': `throw new Error('${words}')`,
    });
    const { reason } = found({ [node]: fails('published'), [`.tensorflow/${node}`]: fails('built here') });
    expect(reason).toMatch(/built here.*published/);
  });

  const noCompiler = spawnSync('cc', ['--version']).status !== 0 || process.platform !== 'linux';
  it.skipIf(noCompiler)('name the library that the dynamic linker misses', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rankflow-addon-'));
    folders.push(folder);
    writeFileSync(join(folder, 'empty.c'), 'int nothing;');
    const cc = (...args: string[]) =>
      execFileSync('cc', ['-shared', ...args], { cwd: folder, stdio: 'pipe' });
    cc('-o', 'libcudart.so.12', '-Wl,-soname,libcudart.so.12', 'empty.c');
    cc('-o', 'addon.node', 'empty.c', '-Wl,--no-as-needed', './libcudart.so.12');
    rmSync(join(folder, 'libcudart.so.12'));
    const index = `require(${JSON.stringify(join(folder, 'addon.node'))})`;
    const { reason } = found({ [node]: { 'package.json': manifest('4.22.0'), 'index.js': index } });
    expect(reason).toContain('@tensorflow/tfjs-node fails: it needs libcudart.so.12 of CUDA');
  });
});

/** A package whose GPU is TensorFlow.js's own cpu backend. */
const imitatedGpu = `
  const tf = require('@tensorflow/tfjs');
  tf.copyRegisteredKernels('cpu', 'tensorflow');
  tf.registerBackend('tensorflow', () => {
    const { constructor } = tf.findBackend('cpu');
    return Object.assign(new constructor(), { isUsingGpuDevice: true, binding: { TF_Version: '0' } });
  });`;

describe('TensorFloat-32', () => {
  afterAll(closeBackends);

  it('is refused where there is none', async () => {
    await expect(useBackend('wasm', { tf32: true })).rejects.toThrow(
      'invalid tf32: true; must be false on wasm',
    );
    expect((await useBackend('wasm', { tf32: false })).precision).toBe('float32');
  });

  it.each([true, false])('on a GPU is what TensorFlow was loaded with: %s', (tf32) => {
    const gpu = { 'package.json': manifest('4.22.0'), 'index.js': imitatedGpu };
    const folder = project({ [`${node}-gpu`]: gpu });
    const script = `
      const { closeBackends, useBackend } = await import('${folder}/dist/src/backend/useBackend.js');
      const told = [];
      const ask = (tf32) =>
        useBackend('tensorflow', { tf32 }).then(({ name }) => name, ({ message }) => message).then((x) => told.push(x));
      await ask(${tf32});
      told.push(process.env.NVIDIA_TF32_OVERRIDE ?? 'none');
      await ask(${!tf32});
      await closeBackends();
      await ask(${!tf32});
      await ask(${tf32});
      console.log(JSON.stringify(told));`;
    try {
      const args = ['--input-type=module', '--eval', script];
      const told = JSON.parse(
        execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' }),
      ) as string[];
      const refused = expect.stringMatching(
        new RegExp(`^invalid tf32: ${!tf32}; must be ${tf32} on tensorflow .*as when this process loaded`),
      ) as string;
      expect(told).toEqual(['tensorflow', tf32 ? 'none' : '0', refused, refused, 'tensorflow']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the setup', () => {
  const setup = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, [join(root, 'scripts/setup-tensorflow.js'), ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
  let before: boolean;
  beforeAll(() => void (before = existsSync(join(root, '.tensorflow'))));

  it.each<[string, string[], NodeJS.ProcessEnv, number, string]>([
    ['an unknown flag', ['--gup'], {}, 2, 'Unknown argument: gup'],
    // The kind that is not there: what is there needs nothing.
    [
      'no Python',
      ['--gpu'],
      { PYTHON: '/nowhere/python', npm_config_node_gyp: 'x' },
      1,
      'it needs Python 3 with pip',
    ],
    ['no npm', ['--gpu'], { npm_config_node_gyp: '' }, 1, 'run it as npm run setup:tensorflow'],
    [
      'no compiler',
      ['--gpu'],
      { PATH: '/nowhere', PYTHON: process.execPath, npm_config_node_gyp: 'x' },
      1,
      'it needs',
    ],
  ])('refuses %s, and leaves all as it was', (_, args, env, code, message) => {
    const { status, stderr } = setup(args, env);
    expect({ status, stderr }).toEqual({
      status: code,
      stderr: expect.stringContaining(`setup:tensorflow: ${message}`) as string,
    });
    expect(existsSync(join(root, '.tensorflow.partial'))).toBe(false);
    expect(existsSync(join(root, '.tensorflow'))).toBe(before);
  });
});

/**
 * Compiles the native kernel (kernels/native) to dist/kernels/native/rankflow.node, with the C++ compiler of this
 * machine ($CXX, else c++). Run by `npm run build`, and quiet; another folder may be given. Where it cannot be compiled,
 * reason.txt there says why, and the wasm kernel computes. What is compiled of the same sources is left as it is.
 */
import { createJiti } from 'jiti';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'kernels/native');
const [, , target = join(root, 'dist/kernels/native')] = process.argv;
const addon = join(target, 'rankflow.node');
const compiler = process.env.CXX || 'c++';
const run = promisify(execFile);

// Sums and products round as they are written, so that digits do not depend on the compiler.
const common = [
  ...['-std=c++17', '-O3', '-fPIC', '-fvisibility=hidden', '-fno-strict-aliasing', '-Wno-psabi'],
  ...['-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math'],
];

/** Flags of the kernels (kernels/native/kernels.h), by name. */
const kernels = {
  x64: {
    avx512: ['-march=x86-64-v4', '-mprefer-vector-width=512', '-DRF_BYTES=64'],
    avx2: ['-march=x86-64-v3', '-DRF_BYTES=32'],
  },
  arm64: { neon: ['-DRF_BYTES=16'] },
}[process.arch];

/** Folder of Node-API's headers: those of the package, else of the running Node.js. */
function headers() {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch {
    return join(dirname(process.execPath), '../include/node');
  }
}

/** Calls the compiler. @throws Error with the first line of what it says is wrong */
async function compile(args) {
  try {
    await run(compiler, args);
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error(`no C++ compiler: ${compiler} is not installed`);
    const lines = String(error.stderr || error.message).split('\n');
    throw new Error(`${compiler} fails: ${lines.find((line) => /error/i.test(line)) ?? lines[0]}`);
  }
}

async function build(header, work) {
  if (process.platform === 'win32' || !kernels)
    throw new Error(`there is no native kernel for ${process.platform} on ${process.arch}`);
  writeFileSync(join(work, 'generated.h'), header);
  const objects = Object.entries(kernels).map(([name, flags]) => [
    name,
    'kernel.cpp',
    [...flags, `-DRF_NAME=${name}`],
  ]);
  const parts = [...objects, ['addon', 'addon.cpp', [`-I${headers()}`]]];
  const outputs = await Promise.all(
    parts.map(async ([name, file, flags]) => {
      const object = join(work, `${name}.o`);
      await compile([...common, ...flags, `-I${work}`, '-c', join(source, file), '-o', object]);
      return object;
    }),
  );
  const free =
    process.platform === 'darwin'
      ? ['-undefined', 'dynamic_lookup']
      : ['-static-libstdc++', '-static-libgcc'];
  await compile(['-shared', ...outputs, '-o', join(work, 'rankflow.node'), '-pthread', ...free]);
  renameSync(join(work, 'rankflow.node'), addon);
}

const { headerText } = await createJiti(import.meta.url).import('../kernels/wasm/generators/header.ts');
const header = headerText();
const sources = readdirSync(source)
  .filter((name) => /\.(h|cpp)$/.test(name))
  .sort();
const digest = createHash('sha256').update([header, compiler, common, JSON.stringify(kernels)].join());
for (const name of sources) digest.update(readFileSync(join(source, name)));
const stamp = digest.digest('hex');
const [stampFile, reasonFile] = ['sources.txt', 'reason.txt'].map((name) => join(target, name));
if (!existsSync(addon) || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  mkdirSync(target, { recursive: true });
  for (const file of [addon, stampFile, reasonFile]) rmSync(file, { force: true });
  const work = mkdtempSync(join(target, 'build-'));
  try {
    await build(header, work);
    writeFileSync(stampFile, stamp);
  } catch (error) {
    writeFileSync(reasonFile, error.message);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/**
 * `npm run setup:tensorflow [-- --gpu]`: TensorFlow's native backend for this checkout, in .tensorflow/. It builds the
 * binding of @tensorflow/tfjs-node(-gpu) against the libtensorflow of a current TensorFlow wheel; the archives that the
 * package itself would download are of TensorFlow 2.9 and CUDA 11. What pip downloads has to have the hashes beside
 * this file (tensorflow/*.txt). The folder appears when all is built and has been loaded, or not at all.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, '.tensorflow');
const partial = `${folder}.partial`;

/** Sizes in MB: of the download, on disk at most while it is built, and in the end. */
const kinds = {
  cpu: { name: '@tensorflow/tfjs-node', wheels: 'cpu.txt', download: 290, most: 1700, kept: 900 },
  gpu: { name: '@tensorflow/tfjs-node-gpu', wheels: 'gpu.txt', download: 2600, most: 9500, kept: 5500 },
};

/** The wheels whose hashes are known; only their headers and libraries are used, which no Python has to load. */
const wheelTags = [
  ...['--only-binary=:all:', '--implementation=cp', '--python-version=3.12'],
  ...['manylinux_2_27', 'manylinux_2_17', 'manylinux2014', 'manylinux2010', 'manylinux1'].map(
    (age) => `--platform=${age}_x86_64`,
  ),
];

/** The newest Node-API of the package's list (package.json, binary), under which it looks for its binding. */
const NAPI = 8;

const python = process.env.PYTHON ?? 'python3';

const packageOf = (place, { name }) => join(place, 'node_modules', name);

/** Why it cannot be done, in words for the user. */
class Refusal extends Error {}

const { gpu } = await yargs(hideBin(process.argv))
  .scriptName('npm run setup:tensorflow --')
  .usage("$0 [--gpu]\n\nBuilds TensorFlow's native backend for this checkout.")
  .option('gpu', { type: 'boolean', default: false, describe: 'with CUDA 12 and cuDNN 9, for NVIDIA GPUs' })
  .strict()
  .locale('en')
  .fail((message, error) => {
    process.stderr.write(`setup:tensorflow: ${error?.message ?? message}\n`);
    process.exit(2);
  })
  .parseAsync();

try {
  setUp(kinds[gpu ? 'gpu' : 'cpu']);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`setup:tensorflow: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(partial, { recursive: true, force: true });
}

function setUp(kind) {
  const manifest = manifestOf(kind);
  const existing = upToDate(manifest, kind);
  if (existing) {
    console.log(`TensorFlow ${existing} is set up already, in ${folder}`);
    return;
  }
  const { download, most, kept } = kind;
  assertRequirements(most);
  console.log(
    `Downloading ${download} MB into ${folder}: ${kept} MB in the end, ${most} MB while it is built. ` +
      'On two cores and a fast line this takes a minute or two, with --gpu several.',
  );
  const begun = performance.now();
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  writeFileSync(join(partial, 'package.json'), manifest);
  installPackage(kind);
  installLibraries(kind);
  buildBinding(kind);
  const version = loaded(partial, kind);
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`TensorFlow ${version} is set up, in ${seconds} s: npx rankflow devices lists it`);
}

/** Version of what is there, if it is the same and loads, else null. */
function upToDate(manifest, kind) {
  const there = join(folder, 'package.json');
  if (!existsSync(there) || readFileSync(there, 'utf8') !== manifest) return null;
  try {
    return loaded(folder, kind);
  } catch {
    return null;
  }
}

/** What the folder is made of, as its package.json: another one makes it out of date. */
function manifestOf({ name, wheels }) {
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules/@tensorflow/tfjs/package.json'), 'utf8'),
  );
  const pinned = readFileSync(new URL(`tensorflow/${wheels}`, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return `${JSON.stringify({ private: true, dependencies: { [name]: version }, wheels: pinned }, null, 2)}\n`;
}

function assertRequirements(most) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Refusal(`it needs Linux on x64, not ${process.platform} on ${process.arch}`);
  if (!process.env.npm_config_node_gyp) throw new Refusal('run it as npm run setup:tensorflow');
  const needs = {
    [python]: 'Python 3 with pip (or set PYTHON)',
    make: 'make',
    'c++': 'a C++ compiler',
  };
  for (const [command, what] of Object.entries(needs)) {
    const args = command === python ? ['-m', 'pip', '--version'] : ['--version'];
    if (spawnSync(command, args).status !== 0) throw new Refusal(`it needs ${what}`);
  }
  const { bavail, bsize } = statfsSync(root);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free < most) throw new Refusal(`it needs ${most} MB of disk while it builds; ${free} MB are free`);
}

/** The package without its install script, which would download, and without the TensorFlow.js that rankflow has. */
function installPackage(kind) {
  const npm = process.env.npm_execpath;
  const args = [
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--prefix',
    partial,
  ];
  run(process.execPath, [npm, ...args], 'npm install');
  const scope = dirname(packageOf(partial, kind));
  for (const other of readdirSync(scope))
    if (join(scope, other) !== packageOf(partial, kind)) rmSync(join(scope, other), { recursive: true });
}

/** The wheels, unpacked as pip would for Python: their libraries look for each other in that layout. */
function installLibraries(kind) {
  const deps = join(packageOf(partial, kind), 'deps');
  const pinned = fileURLToPath(new URL(`tensorflow/${kind.wheels}`, import.meta.url));
  const how = ['--require-hashes', '--no-deps', '--no-compile', '--quiet', '--disable-pip-version-check'];
  run(python, ['-m', 'pip', 'install', ...how, ...wheelTags, '--target', deps, '-r', pinned], 'pip install');
  symlinkSync('tensorflow', join(deps, 'lib'));
  symlinkSync('tensorflow/include', join(deps, 'include'));
  symlinkSync('libtensorflow_cc.so.2', join(deps, 'lib/libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(deps, 'lib/libtensorflow_framework.so'));
}

/** The binding, for this Node; then what it was built from goes. */
function buildBinding(kind) {
  const home = packageOf(partial, kind);
  // Headers that came with Node spare node-gyp a download.
  const prefix = resolve(dirname(process.execPath), '..');
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const names = ['--module_name=tfjs_binding', `--module_path=${join(home, `lib/napi-v${NAPI}`)}`];
  const args = ['rebuild', ...headers, ...names, `--napi_build_version=${NAPI}`, '--directory', home];
  run(process.execPath, [process.env.npm_config_node_gyp, ...args], 'node-gyp');
  rmSync(join(home, 'build'), { recursive: true });
  for (const unused of ['include', 'bin'])
    rmSync(join(home, 'deps', unused), { recursive: true, force: true });
  const libraries = join(home, 'deps/lib');
  for (const name of readdirSync(libraries))
    if (!name.startsWith('libtensorflow')) rmSync(join(libraries, name), { recursive: true });
}

/** Version of the TensorFlow that the binding in that place loads. @throws Refusal if it does not load */
function loaded(place, kind) {
  const binding = join(packageOf(place, kind), `lib/napi-v${NAPI}/tfjs_binding.node`);
  const script = 'process.stdout.write(require(process.argv[1]).TF_Version)';
  return run(process.execPath, ['-e', script, binding], 'loading what was built');
}

/** Runs a program to its end; returns what it prints. @throws Refusal with what it said if it fails */
function run(program, args, what) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) {
    const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-20).join('\n');
    throw new Refusal(`${what} failed${error ? ` (${error.message})` : ''}:\n${said}`);
  }
  return stdout;
}

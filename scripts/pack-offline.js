/**
 * Packs rankflow for GPU nodes without a network: a folder and a .tar.gz (gzip, because bare systems often lack xz) of
 * the built project, the production modules, the running Node and the C++ libraries that Node and Dawn load where a
 * system lacks them. Takes nothing from a network and leaves node_modules alone: npm run pack:offline.
 * Modules are those of package-lock.json, less what Node never reads by rules that name kinds of files, not by a trace
 * of imports: rankflow and its modules load much by computed names (workers, fonts, wasm, Dawn, jiti).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const platform = 'linux-x64';
const linker = '/lib64/ld-linux-x86-64.so.2';

/** Libraries of glibc, which every system has of its own; and those that are packed. */
const glibc = /^(libc|libm|libdl|libpthread|librt|libutil|ld-linux-x86-64)\.so\./;
const cxx = /^(libstdc\+\+|libgcc_s)\.so\./;

/** Must be installed, though package-lock.json has them optional. */
const needed = ['@resvg/resvg-js-linux-x64-gnu', '@tensorflow/tfjs-backend-webgpu', 'webgpu'];

class Refusal extends Error {}

const read = (path) => JSON.parse(fs.readFileSync(path, 'utf8'));
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function filesOf(folder) {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Paths of the shared libraries that a program loads, by name. */
function librariesOf(file) {
  const listing = execFileSync(linker, ['--list', file], { encoding: 'utf8' });
  return new Map(
    [...listing.matchAll(/^\s*(\S+) => (.+?)(?: \(0x\w+\))?$/gm)].map(([, name, path]) => [name, path]),
  );
}

/** The C++ libraries of programs. @throws Refusal if one needs more than glibc and these */
function cxxLibraries(programs) {
  const found = new Map();
  for (const program of programs)
    for (const [name, path] of librariesOf(program)) {
      if (cxx.test(name) && fs.existsSync(path)) found.set(name, path);
      else if (!glibc.test(name))
        throw new Refusal(
          `${basename(program)} (${program}) needs ${name}, which other systems lack: pack with a Node whose libraries ` +
            'are linked in, as those of nodejs.org, NodeSource and nvm are',
        );
    }
  return found;
}

/** The newest version of glibc that any of some programs asks for. */
function glibcOf(programs) {
  const minors = programs.flatMap((program) =>
    [...fs.readFileSync(program, 'latin1').matchAll(/GLIBC_2\.(\d+)\0/g)].map(([, minor]) => Number(minor)),
  );
  return `2.${Math.max(...minors)}`;
}

/**
 * A program without its table of symbols, which debuggers alone read and which Node's has 12 MB of: the file up to the
 * end of its last segment, without the list of sections that lies beyond.
 */
function withoutSymbols(program) {
  const elf = Buffer.from(program);
  const [segments, size, count] = [
    Number(elf.readBigUInt64LE(32)),
    elf.readUInt16LE(54),
    elf.readUInt16LE(56),
  ];
  const ends = Array.from({ length: count }, (_, i) => segments + i * size).map(
    (at) => Number(elf.readBigUInt64LE(at + 8)) + Number(elf.readBigUInt64LE(at + 32)),
  );
  elf.writeBigUInt64LE(0n, 40);
  elf.writeUInt16LE(0, 60);
  elf.writeUInt16LE(0, 62);
  return elf.subarray(0, Math.max(...ends));
}

/** Folders of the production modules. @throws Refusal if what is installed is not what package-lock.json says */
function productionModules() {
  const { packages } = read(join(root, 'package-lock.json'));
  const wanted = Object.entries(packages).filter(([path, { dev, peer }]) => path && !dev && !peer);
  const installed = wanted.filter(([path, { optional, version, os = ['linux'], cpu = ['x64'] }]) => {
    if (!os.includes('linux') || !cpu.includes('x64')) return false;
    const manifest = join(root, path, 'package.json');
    const missing = !fs.existsSync(manifest);
    if (missing && optional && !needed.some((name) => path.endsWith(`node_modules/${name}`))) return false;
    if (missing || read(manifest).version !== version)
      throw new Refusal(`${path} is not version ${version}: run npm ci`);
    return true;
  });
  return installed.map(([path]) => path);
}

/** Whether Node may read a file of a module; a path is relative to the module's folder. */
function runs(name, { main }, path) {
  if (/\.(map|tsx?|[cm]ts|flow|html)$/.test(path)) return false;
  if (/\.(md|markdown)$/i.test(path)) return /licen[cs]e|copying|notice/i.test(path);
  // Without `exports` Node takes `main`: a single file, beside bundles for browsers and the modules it was made of.
  if (name.startsWith('@tensorflow/') && path.endsWith('.js')) return path === main;
  // As src/report/plots/render.ts names them: it does not load if one is missing.
  if (name === 'dejavu-fonts-ttf' && path.startsWith('ttf/'))
    return /DejaVuSans(-Bold|-Oblique)?\.ttf$/.test(path);
  // Dawn of every platform.
  if (name === 'webgpu' && path.startsWith('dist/')) return path.startsWith(`dist/${platform}/`);
  return true;
}

function copyModule(path, target) {
  const [from, manifest] = [join(root, path), read(join(root, path, 'package.json'))];
  for (const file of filesOf(from)) {
    const inside = relative(from, file).split(sep).join('/');
    if (inside.startsWith('node_modules/') || !runs(manifest.name, manifest, inside)) continue;
    fs.cpSync(file, join(target, path, inside));
  }
}

/** The project, built into the folder: what its package has, and the benchmarks with the files that they read. */
function copyProject(target, gitHead) {
  const run = (script, ...args) =>
    execFileSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const options = ['--outDir', join(target, 'dist'), '--declaration', 'false', '--sourceMap', 'false'];
  run('scripts/build-wasm.js', join(target, 'dist/kernels/wasm'));
  run(tsc, '-p', 'tsconfig.bench.json', ...options);
  // Compiled once: where it is up to date, the build leaves it as it is.
  run('scripts/build-native.js');
  for (const file of ['rankflow.node', 'reason.txt'].map((name) => join('dist/kernels/native', name)))
    if (fs.existsSync(join(root, file))) fs.cpSync(join(root, file), join(target, file));
  const manifest = read(join(root, 'package.json'));
  const others = [...manifest.files.filter((path) => !/^!?dist/.test(path)), 'LICENSE', 'README.md'];
  for (const path of others) fs.cpSync(join(root, path), join(target, path), { recursive: true });
  for (const file of filesOf(join(root, 'benchmarks')))
    if (!file.endsWith('.ts')) fs.cpSync(file, join(target, relative(root, file)));
  // npm's own name for the commit of a package.
  fs.writeFileSync(join(target, 'package.json'), `${JSON.stringify({ ...manifest, gitHead }, null, 2)}\n`);
}

/** The commit of this checkout, with `-dirty` if files differ from it; undefined outside a checkout. */
function commit() {
  if (!fs.existsSync(join(root, '.git'))) return read(join(root, 'package.json')).gitHead;
  const args = ['-C', root, 'describe', '--always', '--dirty', '--abbrev=40', '--match='];
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}

/** The same bytes for the same contents: in order, of nobody, without dates. */
function archive(folder, file) {
  const same = [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mtime=@0',
    '--mode=u+rw,go=rX',
  ];
  const options = [...same, '--use-compress-program=gzip -n'];
  execFileSync('tar', [...options, '-C', dirname(folder), '-cf', file, basename(folder)], {
    stdio: 'inherit',
  });
}

function pack(output) {
  if (`${process.platform}-${process.arch}` !== platform || !fs.existsSync(linker))
    throw new Refusal(`packs on ${platform} with glibc alone: the Node that runs this goes into the archive`);
  cxxLibraries([process.execPath]);
  const modules = productionModules();
  const { version } = read(join(root, 'package.json'));
  const name = `rankflow-${version}-${platform}`;
  fs.mkdirSync(output, { recursive: true });
  const staging = fs.mkdtempSync(join(output, '.packing-'));
  try {
    const folder = join(staging, name);
    const gitHead = commit();
    copyProject(folder, gitHead);
    for (const path of modules) copyModule(path, folder);

    const runtime = join(folder, 'runtime');
    fs.mkdirSync(runtime);
    fs.writeFileSync(join(runtime, 'node'), withoutSymbols(fs.readFileSync(process.execPath)));
    const programs = [join(runtime, 'node'), ...filesOf(folder).filter((file) => file.endsWith('.node'))];
    const libraries = cxxLibraries(programs);
    for (const [library, path] of libraries)
      fs.cpSync(path, join(runtime, 'lib', library), { dereference: true });
    fs.cpSync(join(root, 'scripts/offline/rankflow'), join(folder, 'rankflow'));
    for (const program of ['rankflow', 'runtime/node']) fs.chmodSync(join(folder, program), 0o755);
    const started = execFileSync(join(folder, 'rankflow'), ['--version'], {
      encoding: 'utf8',
      env: {},
      cwd: '/',
    });
    if (started.trim() !== version) throw new Error(`the packed rankflow says that it is ${started}`);

    archive(folder, join(staging, `${name}.tar.gz`));
    const bytes = filesOf(folder).reduce((sum, file) => sum + fs.statSync(file).size, 0);
    for (const made of [name, `${name}.tar.gz`]) {
      fs.rmSync(join(output, made), { recursive: true, force: true });
      fs.renameSync(join(staging, made), join(output, made));
    }
    const file = join(output, `${name}.tar.gz`);
    const dawn = read(join(root, 'node_modules/webgpu/package.json')).version;
    const sha256 = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    const own = [...libraries.keys()].map((library) => join(output, name, 'runtime/lib', library));
    const moved = programs.map((program) => join(output, name, relative(folder, program)));
    // Where it does not load, WebAssembly computes.
    const [native, others] = [true, false].map((is) =>
      moved.filter((program) => program.endsWith('/rankflow.node') === is),
    );
    console.log(`rankflow ${version}, commit ${gitHead ?? 'unknown'}; Node ${process.version}; webgpu ${dawn}
needs glibc ${glibcOf(others)}${native.length > 0 ? `, ${glibcOf(native)} for its native kernel` : ''}; ${glibcOf(own)} where the system's ${[...libraries.keys()].join(' or ')} is missing or older
${join(output, name)}  ${mebibytes(bytes)}
${file}  ${mebibytes(fs.statSync(file).size)}
sha256 ${sha256}`);
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
}

try {
  pack(resolve(process.argv[2] ?? join(root, 'dist-offline')));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`pack:offline: ${error.message}`);
  process.exitCode = 2;
}

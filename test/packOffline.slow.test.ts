/**
 * The offline archive, unpacked where nothing else is: as root in a file system of its own, which holds glibc and a
 * shell alone, and without a network; else with an empty environment. What it lacks there it must say.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../kernels/native/addon.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const script = join(root, 'scripts/pack-offline.js');
const linker = '/lib64/ld-linux-x86-64.so.2';
const work = mkdtempSync(join(tmpdir(), 'rankflow-offline-'));
const bare = join(work, 'bare');
afterAll(() => rmSync(work, { recursive: true }));

/** A file system of its own, with processes and devices, and no network. */
const enter = (command: string) => [
  ...['--mount', '--pid', '--net', '--fork', '/bin/sh', '-c'],
  `mount -t proc proc ${bare}/proc && mount --bind /dev ${bare}/dev && ${command}`,
];

const packs = `${process.platform}-${process.arch}` === 'linux-x64' && existsSync(linker);

/** Whether this user may enter it. */
const isolated = (() => {
  for (const folder of ['proc', 'dev', 'tmp', 'home']) mkdirSync(join(bare, folder), { recursive: true });
  return packs && process.getuid?.() === 0 && spawnSync('unshare', enter('true')).status === 0;
})();

const copyIn = (file: string, to = file) => {
  mkdirSync(join(bare, dirname(to)), { recursive: true });
  cpSync(file, join(bare, to), { dereference: true });
};

/** Runs a program of the bare system in its folder /home, without any variable but these. */
function inside(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = { encoding: 'utf8', env: { ...env }, timeout: 60_000 } as const;
  if (!isolated) return spawnSync(join(bare, program), args, { ...options, cwd: join(bare, 'home') });
  const words = [program, ...args].map((word) => `'${word}'`).join(' ');
  const command = `PATH= exec /usr/sbin/chroot ${bare} /bin/sh -c "cd /home && exec ${words}"`;
  return spawnSync('/usr/bin/unshare', enter(command), {
    ...options,
    env: { PATH: '/usr/bin:/bin', ...env },
  });
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const name = `rankflow-${version}-linux-x64`;
const folder = `/opt/${name}`;

const rankflow = (line: string, env?: Readonly<Record<string, string>>) =>
  inside(`${folder}/rankflow`, line.split(' '), env);

function done(line: string, env?: Readonly<Record<string, string>>): string {
  const { status, stdout, stderr } = rankflow(line, env);
  expect(status, `${line}\n${stderr}`).toBe(0);
  return stdout;
}

const webgpu = (env?: Readonly<Record<string, string>>) =>
  JSON.parse(done('devices --json', env)).find(({ name }: { name: string }) => name === 'webgpu');

const loader = ['/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib']
  .map((place) => `${place}/libvulkan.so.1`)
  .find(existsSync);
const driver = process.env['VK_DRIVER_FILES'] ?? '';

describe.skipIf(!packs)(`the offline archive, ${isolated ? 'alone' : 'with an empty environment'}`, () => {
  /** Where the system has its own, glibc at least. */
  let libraries = '';
  const archive = join(work, `${name}.tar.gz`);
  beforeAll(() => {
    const packed = execFileSync(process.execPath, [script, work], { encoding: 'utf8' });
    expect(packed).toContain(createHash('sha256').update(readFileSync(archive)).digest('hex'));
    mkdirSync(join(bare, 'opt'));
    execFileSync('tar', ['-xzf', archive, '-C', join(bare, 'opt')]);
    if (!isolated) return;
    copyIn('/bin/sh');
    copyIn(linker);
    const told = execFileSync(linker, ['--list', '/bin/sh'], { encoding: 'utf8' });
    libraries = told.match(/=> (\S+)\/libc\.so/)![1]!;
    for (const library of ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'librt.so.1'])
      copyIn(join(libraries, library));
  }, 300_000);

  it('is under 60 MiB', () => {
    expect(readFileSync(archive).length).toBeLessThan(60 * 2 ** 20);
  });

  it.skipIf(!isolated)('runs where there are neither C++ libraries nor a network', () => {
    const alone = inside(`${folder}/runtime/node`, ['--version']);
    expect(alone.status).toBe(127);
    expect(alone.stderr).toContain('libstdc++.so.6');
    const networks = `const { networkInterfaces } = require('os'); process.exit(Object.keys(networkInterfaces()).length)`;
    const env = { LD_LIBRARY_PATH: `${folder}/runtime/lib` };
    writeFileSync(join(bare, 'home/networks.cjs'), networks);
    expect(inside(`${folder}/runtime/node`, ['networks.cjs'], env)).toMatchObject({ status: 0 });
    expect(done('--version')).toBe(`${version}\n`);
  });

  it('names what WebGPU lacks', () => {
    const { available, reason } = webgpu(isolated ? {} : { VK_DRIVER_FILES: '/none' });
    expect(available).toBe(false);
    if (isolated) expect(reason).toMatch(/libvulkan\.so\.1: cannot open .*apt-get install libvulkan1/);
  });

  it.skipIf(!isolated)('takes its own C++ libraries where those of the system are too old', () => {
    const place = join(libraries, 'libstdc++.so.6');
    const own = readFileSync(join(bare, folder, 'runtime/lib/libstdc++.so.6'), 'latin1');
    expect(own).toContain('GLIBCXX_3.4.30\0');
    writeFileSync(join(bare, place), own.replace('GLIBCXX_3.4.30\0', 'GLIBCXX_3.4.3X\0'), 'latin1');
    copyIn(join(bare, folder, 'runtime/lib/libgcc_s.so.1'), join(libraries, 'libgcc_s.so.1'));
    try {
      expect(webgpu().reason).toMatch(/libvulkan/);
      renameLibraries('lib', 'away');
      expect(webgpu().reason).toMatch(/GLIBCXX_3\.4\.30' not found/);
    } finally {
      if (existsSync(join(bare, folder, 'runtime/away'))) renameLibraries('away', 'lib');
      for (const library of ['libstdc++.so.6', 'libgcc_s.so.1']) rmSync(join(bare, libraries, library));
    }
  });

  it('sweeps on all cores, with plots, and says from which commit', () => {
    done('sweep --spectrum power:1 --shape 8x6 --ranks 1,2 --trials 4 --backend wasm --out swept');
    const { commit, backend } = JSON.parse(readFileSync(join(bare, 'home/swept/config.json'), 'utf8'));
    expect(backend).toBe('wasm');
    const args = ['describe', '--always', '--dirty', '--abbrev=40', '--match='];
    if (existsSync(join(root, '.git')))
      expect(commit).toBe(execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim());
    const png = readFileSync(join(bare, 'home/swept/plots/accuracy.png'));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
  });

  it('verifies a loss of the user', () => {
    cpSync(join(root, 'test/fixtures/losses/logCosh.ts'), join(bare, 'home/logCosh.ts'));
    expect(done('verify --loss logCosh.ts --shape 7x4 --only flow --backend wasm')).toMatch(
      /(\d+) of \1 checks pass/,
    );
  });

  it('has the benchmarks, with the files that they read', () => {
    expect(existsSync(join(bare, folder, 'benchmarks/peers/problems.json'))).toBe(true);
    const { status, stderr } = rankflow('bench --only none');
    expect(status).toBe(1);
    expect(stderr).toContain('no workload none: one of ');
  });

  it('has the native kernel, if there is one here', () => {
    const native = loadAddon();
    const said = typeof native === 'string' ? native : `native-${native.variants[0]}`;
    expect(done('devices')).toContain(said);
  });

  it('starts through a link, from any folder', () => {
    const link = join(work, 'link');
    symlinkSync(join(work, name, 'rankflow'), link);
    const env = { PATH: '/usr/bin:/bin' };
    expect(execFileSync(link, ['--version'], { cwd: '/', env, encoding: 'utf8' })).toBe(`${version}\n`);
    const here = { cwd: join(work, name), env, encoding: 'utf8' } as const;
    expect(execFileSync('/bin/sh', ['rankflow', '--version'], here)).toBe(`${version}\n`);
  });

  // Last, for the system has a driver from then on.
  it.skipIf(!loader || !existsSync(driver))(
    'computes on the driver of a folder that Vulkan does not know',
    () => {
      const manifest = JSON.parse(readFileSync(driver, 'utf8'));
      const { library_path: path } = manifest.ICD;
      const library = resolve(dirname(driver), path);
      if (!isolated) {
        expect(webgpu({ VK_DRIVER_FILES: driver }).available).toBe(true);
        return;
      }
      copyIn(loader!);
      // As NVIDIA's is where a container runtime puts it: the manifest has no folder, the library is elsewhere.
      const own = { ...manifest, ICD: { ...manifest.ICD, library_path: 'libdriver.so' } };
      const place = join(bare, 'usr/local/nvidia/share/vulkan/icd.d');
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, 'nvidia_icd.json'), JSON.stringify(own));
      copyIn(library, '/usr/local/nvidia/lib64/libdriver.so');
      done('sweep --spectrum power:1 --shape 4x4 --ranks 1 --trials 2 --time 1 --backend webgpu --out onGpu');
    },
  );

  function renameLibraries(from: string, to: string): void {
    const runtime = join(bare, folder, 'runtime');
    cpSync(join(runtime, from), join(runtime, to), { recursive: true });
    rmSync(join(runtime, from), { recursive: true });
  }
});

describe('packing is refused', () => {
  const refused = (set: string) => {
    const code = `${set}; import(${JSON.stringify(script)})`;
    return spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  };
  const property = (name: string, value: string) =>
    `Object.defineProperty(process, ${JSON.stringify(name)}, { value: ${JSON.stringify(value)} })`;

  it('on another platform', () => {
    const { status, stderr } = refused(property('platform', 'darwin'));
    expect(stderr).toBe(
      'pack:offline: packs on linux-x64 with glibc alone: the Node that runs this goes into the archive\n',
    );
    expect(status).toBe(2);
  });

  it.skipIf(!packs || !existsSync('/usr/bin/git'))(
    'with a Node that needs more than glibc and C++ libraries',
    () => {
      const { status, stderr } = refused(property('execPath', '/usr/bin/git'));
      expect(stderr).toMatch(
        /^pack:offline: git \(\/usr\/bin\/git\) needs lib\S+, which other systems lack: pack with/,
      );
      expect(status).toBe(2);
    },
  );
});

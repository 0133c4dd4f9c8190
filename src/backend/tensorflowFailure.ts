/** Why TensorFlow's native backend does not load, or sees no GPU, in words that say what to do. Node.js only. */
import { spawnSync } from 'node:child_process';
import { firstLine, loadError } from '../host/platform.js';

const SETUP = 'npm run setup:tensorflow, in a checkout of rankflow, builds it for this machine';

/** Causes that messages of Node, of the package or of the dynamic linker name, and what to say of them. */
const causes: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/native addon module .* can ?not be found/i, () => `its native addon was not built: ${SETUP}`],
  [
    /(lib(?:cud|cublas|cufft|curand|cusolver|cusparse|nccl|nv)[\w+-]*\.so[.\d]*): cannot open/,
    (_, library) =>
      `it needs ${library} of ${library?.startsWith('libcudnn') ? 'cuDNN' : 'CUDA'}, which is not found: ` +
      'install it, or npm run setup:tensorflow -- --gpu in a checkout of rankflow brings it',
  ],
  [
    /(lib[\w+-]+\.so[.\d]*): cannot open/,
    (_, library) => `it needs ${library}, which is not found: ${SETUP}`,
  ],
  [
    /version `(G\w+_[\d.]+)' not found/,
    (_, version) => `it needs ${version}, which is newer than this system's C libraries: ${SETUP}`,
  ],
  [
    /NODE_MODULE_VERSION|different Node\.js version|did not self-register|undefined symbol: napi_/,
    () => `its native addon is for another Node.js than ${process.version}: ${SETUP}`,
  ],
  [
    /invalid ELF header|wrong ELF class|mach-o file|not a valid Win32 application/,
    () =>
      `its native addon is for another platform than ${process.platform} on ${process.arch}: ` +
      'install it on this machine',
  ],
];

/** Meaning of an error of loading the package, in words. */
export function explained(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, say] of causes) {
    const found = pattern.exec(message.replaceAll(/\s+/g, ' '));
    if (found) return say(...found);
  }
  return firstLine(error);
}

/**
 * Why a package for CUDA sees no GPU: there is no driver, or what the log of TensorFlow in a process of its own says;
 * null if that says nothing.
 * @param entry file that loads the package
 */
export function gpuObstacle(entry: string): string | null {
  const driver = loadError('libcuda.so.1');
  if (driver) return `NVIDIA's driver does not load (${driver})`;
  const { stderr } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(entry)})`], {
    encoding: 'utf8',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0' },
    timeout: 60_000,
  });
  return obstacleIn(stderr);
}

/** Why a package for CUDA sees no GPU, from the log of TensorFlow; null if that says nothing. */
export function obstacleIn(log: string): string | null {
  const libraries = [...log.matchAll(/Could not load dynamic library '([^']+)'/g)].map(([, name]) => name!);
  if (libraries.length > 0) return `these libraries are not found: ${[...new Set(libraries)].join(', ')}`;
  if (/Could not find cuda drivers|libcuda\.so/i.test(log))
    return "NVIDIA's driver (libcuda.so.1) is not found";
  const failure = /failed call to cuInit: (.*)/.exec(log);
  if (failure) return `CUDA does not start: ${failure[1]}`;
  if (/Cannot dlopen some GPU libraries/.test(log)) return 'libraries of CUDA or cuDNN are not found';
  return null;
}

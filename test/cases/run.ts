/** Commands that once failed, run as a user types them: by a shell, in an empty folder that links the built project. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servedRankflow } from '../oneProcess.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Ran {
  /** Exit code of the last command; null if it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Where it ran; what it wrote is there until the test process ends. */
  readonly folder: string;
}

const lastChange = (file: string) => statSync(join(root, file)).mtimeMs;

/** The sources that were changed after the command was built. */
const stale = ['src', 'kernels'].flatMap((tree) =>
  readdirSync(join(root, tree), { recursive: true, encoding: 'utf8' })
    .map((name) => join(tree, name))
    // The build writes loopsModule.ts, and so do tests that build it elsewhere.
    .filter((file) => /(?<!loopsModule)\.ts$/.test(file))
    .filter((file) => lastChange(file) > lastChange('dist/src/cli/main.js')),
);
if (stale.length > 0) throw new Error(`${stale[0]} was changed after the build: npm run build`);

const folders: string[] = [];
process.on('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** An empty folder with links to what the command line is built of. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-case-'));
  folders.push(folder);
  for (const name of ['dist', 'node_modules', 'package.json'])
    symlinkSync(join(root, name), join(folder, name));
  return folder;
}

/**
 * Runs lines of bash, in which `rankflow` is the built command and $CASE the folder of inputs of that name.
 * @param seconds after which it is killed (default 60)
 * @param alone whether each command is a process of its own: where its environment, its end or where it writes is the
 *   subject (default: one process runs them all, and is started once)
 */
export function run(
  lines: string,
  {
    inputs = '',
    folder = emptyFolder(),
    seconds = 60,
    alone = false,
  }: { inputs?: string; folder?: string; seconds?: number; alone?: boolean } = {},
): Promise<Ran> {
  const rankflow = alone ? 'rankflow() { node dist/src/cli/main.js "$@"; }' : servedRankflow();
  const script = `${rankflow}\n${lines}`;
  const given = join(root, 'test/cases/inputs', inputs);
  if (!existsSync(given)) throw new Error(`no inputs ${given}`);
  return new Promise((resolve) => {
    const child = spawn('bash', ['-c', script], {
      cwd: folder,
      env: { ...process.env, CASE: given },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that all of it can be ended.
      detached: true,
    });
    const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), seconds * 1000);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += String(data)));
    child.stderr.on('data', (data) => (stderr += String(data)));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr, folder });
    });
  });
}

/** Whether tests that take minutes or gigabytes are made: `it.skipIf(!slow)(...)`; with RANKFLOW_SLOW=1 they are. */
export const slow = Boolean(process.env['RANKFLOW_SLOW']);

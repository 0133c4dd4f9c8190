/** The Python of the contestants: $PYTHON as it is, or an environment made once from requirements.txt. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/host/packageRoot.js';

export const scripts = join(packageRoot, 'benchmarks/peers/contestants');
const requirements = join(packageRoot, 'benchmarks/peers/requirements.txt');
const environment = join(packageRoot, '.venv');
const made = join(environment, 'requirements.sha256');

/** The interpreter, with all packages if it is not the user's own. */
export function python(): string {
  const own = process.env['PYTHON'];
  if (own) return own;
  const interpreter = join(environment, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(made) && readFileSync(made, 'utf8') === wanted) return interpreter;
  process.stderr.write(`installing ${requirements} to ${environment}\n`);
  const run = (...words: [string, ...string[]]) =>
    execFileSync(words[0], words.slice(1), { stdio: ['ignore', process.stderr, process.stderr] });
  if (!existsSync(interpreter)) run('python3', '-m', 'venv', environment);
  run(interpreter, '-m', 'pip', 'install', '--quiet', '-r', requirements);
  writeFileSync(made, wanted);
  return interpreter;
}

/** The built command, run many times in one process, which loads it once: where starting it is not the subject. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export interface Outcome {
  /** Exit code; null of one that did not end the process by itself, as one that succeeds. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs rankflow once for each list of arguments, one after another in a folder, and returns what each did.
 * @param flags of Node.js
 */
export async function inOneProcess(
  lists: readonly (readonly string[])[],
  cwd: string,
  flags: readonly string[] = [],
): Promise<readonly Outcome[]> {
  const [script, main] = [path('fixtures/commands.js'), path('../dist/src/cli/main.js')];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, script, main, JSON.stringify(lists)],
    { cwd, maxBuffer: 2 ** 28 },
  );
  return JSON.parse(stdout) as Outcome[];
}

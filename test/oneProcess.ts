/** The built command, run many times in one process, which loads it once: where starting it is not the subject. */
import { execFile, execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const [script, main] = [path('fixtures/commands.js'), path('../dist/src/cli/main.js')];

export interface Outcome {
  /** Exit code. */
  readonly code: number;
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
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, script, main, JSON.stringify(lists)],
    { cwd, maxBuffer: 2 ** 28 },
  );
  return JSON.parse(stdout) as Outcome[];
}

let server: ChildProcess | undefined;
const waiting: ((ran: Outcome) => void)[] = [];

/** Runs the command in a process of this one, after what it was asked for before. */
export function served(args: readonly string[], folder: string): Promise<Outcome> {
  if (!server) {
    server = fork(script, [main]);
    server.on('message', (ran) => waiting.shift()!(ran as Outcome));
  }
  server.send({ args, folder });
  return new Promise((resolve) => waiting.push(resolve));
}

let pipes: string | undefined;

/**
 * A function of bash, `rankflow`, that has a process of this one run the command in the folder that it is called in: one
 * at a time, without standard input, in the environment that this process has, and written when it is done.
 */
export function servedRankflow(): string {
  pipes ??= serve();
  return `rankflow() {
    local at code; at=$(mktemp -d)
    printf '%s\\0' "$#" "$PWD" "$at" "$@" > '${pipes}/requests'
    read -r code < '${pipes}/answers'
    cat "$at/out"; cat "$at/err" >&2; rm -r "$at"
    return "$code"
  }`;
}

/** Starts the process, and returns the folder of its pipes. */
function serve(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-served-'));
  const both = ['requests', 'answers'].map((name) => join(folder, name));
  execFileSync('mkfifo', both);
  // It ends with its standard input, and that with this process.
  const child = spawn(process.execPath, [script, main, '--serve', ...both], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.unref();
  (child.stdin as Socket).unref();
  process.on('exit', () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

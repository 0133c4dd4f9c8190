/** The built command in a folder of its own, which may be stopped while it runs, and what it has written there. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { served } from '../oneProcess.js';

export const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
export const work = mkdtempSync(join(tmpdir(), 'rankflow-resume-'));
afterAll(() => rmSync(work, { recursive: true }));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs rankflow, and may do something to it once it has written so many parts, or after some milliseconds. */
export function rankflow(
  args: readonly string[],
  act?: (child: ReturnType<typeof spawn>) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: work, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += String(data)));
    child.stderr.on('data', (data) => (stderr += String(data)));
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    act?.(child);
  });
}

/** The same in a process that other commands of the file have too: where neither its start nor its end is the subject. */
export const rankflowServed = (args: readonly string[]) => served(args, work);

export const parts = (folder: string): string[] => {
  const trials = join(work, folder, 'trials');
  return existsSync(trials)
    ? readdirSync(trials)
        .filter((name) => name.endsWith('.parquet'))
        .sort()
    : [];
};

/** Digest of everything that trials and summaries hold. */
export const contents = (folder: string): string => {
  const hash = createHash('sha256');
  for (const name of parts(folder))
    hash.update(name).update(readFileSync(join(work, folder, 'trials', name)));
  for (const name of ['summary.parquet', 'summary.csv', 'curves.parquet'])
    hash.update(readFileSync(join(work, folder, name)));
  return hash.digest('hex');
};

export const whenParts = (folder: string, count: number, act: () => void) => {
  const timer = setInterval(() => {
    if (parts(folder).length < count) return;
    clearInterval(timer);
    act();
  }, 20);
};

/** A module that kills its process when a file whose path has these words has been written, before it has its name. */
export const killAt = (words: string) => {
  const text = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { renameSync } = fs;
    fs.renameSync = (from, to) => {
      if (to.includes(${JSON.stringify(words)})) process.kill(process.pid, 'SIGKILL');
      renameSync(from, to);
    };
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(text)}`;
};

/** Runs the words of a job in an environment, which may say what shard it is, and returns what it prints. */
export const run = (
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  input?: string,
): string =>
  execFileSync(words[0]!, words.slice(1), {
    ...{ cwd: work, stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...environment } },
    ...(input !== undefined && { input }),
  }).toString();

/** The environment of a Slurm whose sbatch takes every job, and does none. */
export function idleSlurm(): Readonly<Record<string, string>> {
  const bin = join(work, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'sbatch'), '#!/bin/bash\necho 7\n', { mode: 0o755 });
  return { PATH: `${bin}:${process.env['PATH']}` };
}

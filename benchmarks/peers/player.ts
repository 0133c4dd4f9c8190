/** A contestant in a process of its own, which answers line by line until it is closed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { updateError } from '../numbers.js';
import { endOf, readEnds, type PeerProblem } from './problems.js';
import type { Factors } from '../../src/problem/factors.js';
import type { Accuracy, Answer, DeviceKind, Hello, Question, Run } from './protocol.js';
import { Skipped } from '../workload.js';

/** How to start a contestant: a command and its first words. */
export type Command = readonly [string, ...string[]];

/** Longest that anything may take before its contestant is given up. */
const PATIENCE_SECONDS = 120;

export interface Player {
  readonly hello: Exclude<Hello, { absent: string }>;
  ask(question: Question): Promise<Answer>;
  close(): void;
}

/** @throws Skipped if what it needs is absent */
export async function enter(command: Command, folder: string, device: DeviceKind): Promise<Player> {
  const [program, ...first] = command;
  const script = first.findIndex((word) => /\.(py|js|ts)$/.test(word));
  const words = [...first.slice(0, script + 1), folder, device, ...first.slice(script + 1)];
  // A kernel of OpenBLAS that is forced is slower than the one that it would choose.
  const env = { ...process.env, OPENBLAS_CORETYPE: undefined, OPENBLAS_L2_SIZE: undefined };
  const child = spawn(program, words, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-2000)));
  child.stdin.on('error', () => undefined);
  const failed = once(child, 'error').then(([error]) => {
    throw error;
  });
  failed.catch(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const late = new AbortController();
    const tooLong = setTimeout(PATIENCE_SECONDS * 1000, null, { signal: late.signal }).then(() => {
      child.kill('SIGKILL');
      throw new Error(`no answer in ${PATIENCE_SECONDS} s`);
    });
    tooLong.catch(() => undefined);
    try {
      const { value, done } = await Promise.race([lines.next(), failed, tooLong]);
      if (done) throw new Error(`it ended: ${errors.trim().split('\n').at(-1) ?? ''}`);
      return JSON.parse(value as string);
    } finally {
      late.abort();
    }
  };
  const hello = (await next()) as Hello;
  if ('absent' in hello) throw new Skipped(hello.absent);
  return {
    hello,
    ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      return next() as Promise<Answer>;
    },
    close: () => child.kill(),
  };
}

/** What a run is, of so many trajectories. */
export const runOf = (problem: PeerProblem, trajectories: number, accuracy: Accuracy): Run => ({
  n: problem.n,
  rank: problem.rank,
  end: endOf(problem),
  ...accuracy,
  trajectories,
});

/** Asks for a run; its answer, and the ends of as many trajectories as there are to be checked. */
export async function play(player: Player, folder: string, problem: PeerProblem, run: Run) {
  const ends = join(folder, 'ends.npy');
  const checked = Math.min(problem.checked, run.trajectories);
  const answer = await player.ask({ problem: problem.id, run, checked, ends });
  return { answer, ends: readEnds(ends, problem) };
}

/** The largest error of ends; NaN if one is missing. */
export function largestError(ends: readonly Factors[], exact: readonly Factors[], expected: number): number {
  if (ends.length !== expected) return NaN;
  const errors = ends.map((end, i) => updateError(end, exact[i]!));
  return errors.some(Number.isNaN) ? NaN : Math.max(...errors);
}

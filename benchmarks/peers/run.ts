/**
 * rankflow beside other libraries: `npm run bench:peers`, `-- --only ID,ID` for some problems, `-- --write` to keep
 * what came of it in benchmarks/RESULTS.md. Exit code 1 if a bar is missed; what cannot run here is skipped, and says
 * why.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { processorName } from '../../src/backend/processor.js';
import { packageRoot } from '../../src/host/packageRoot.js';
import { Skipped, type Result } from '../workload.js';
import { barsOf, peakOf } from './bars.js';
import { contest } from './contest.js';
import { contestants, takesPart, type Contestant } from './contestants.js';
import { enter, play, runOf, type Command } from './player.js';
import { problems, writeStarts, type PeerProblem } from './problems.js';
import type { DeviceKind } from './protocol.js';
import { python, scripts } from './python.js';
import { barsText, document, problemText, section, type Round } from './results.js';

const ids = problems.map(({ id }) => id);
const { only, device, peak, write } = await yargs(hideBin(process.argv))
  .scriptName('npm run bench:peers --')
  .options({
    only: {
      type: 'string',
      requiresArg: true,
      describe: `problems, separated by commas, of ${ids.join(', ')}`,
    },
    device: {
      choices: ['auto', 'cpu', 'gpu'] as const,
      default: 'auto',
      describe: 'auto: the GPU too if there is one',
    },
    peak: {
      type: 'number',
      requiresArg: true,
      describe: 'TFlop/s of the GPU in float32, if it is not known',
    },
    write: { type: 'boolean', default: false, describe: 'write benchmarks/RESULTS.md' },
  })
  .check(({ only, write }) => {
    if (write && only !== undefined) throw new Error('--write is for all problems: leave --only out');
    const unknown = only?.split(',').filter((id) => !ids.includes(id)) ?? [];
    if (unknown.length > 0) throw new Error(`no problem ${unknown.join(', ')}: one of ${ids.join(', ')}`);
    return true;
  })
  .strict()
  .locale('en')
  .wrap(110)
  .parseAsync();

const interpreter = python();
const log = (text: string) => process.stderr.write(`${text}\n`);
const own: Command = [process.execPath, fileURLToPath(new URL('rankflow.js', import.meta.url))];
const script = (program: string, ...words: string[]): Command => [
  interpreter,
  ...['-u', join(scripts, program), ...words],
];
const commandOf = ({ program, method }: Contestant): Command =>
  program ? script(...(program as [string, ...string[]])) : method ? [...own, method] : own;

/** Ends of the checked trajectories, by DOP853 in float64. */
async function reference(folder: string, problem: PeerProblem) {
  const player = await enter(script('scipy_ivp.py', 'reference'), folder, 'cpu');
  try {
    writeStarts(folder, problem, problem.checked);
    const run = runOf(problem, problem.checked, { step: null, rtol: 1e-10 });
    return (await play(player, folder, problem, run)).ends;
  } finally {
    player.close();
  }
}

/** The GPU that rankflow finds; @throws Skipped if there is none */
async function gpuOf(folder: string) {
  const player = await enter(own, folder, 'gpu');
  player.close();
  const { device: name, software = false } = player.hello;
  if (software && device === 'auto') throw new Skipped(`${name} is no GPU`);
  return name;
}

async function onDevice(kind: DeviceKind, folder: string, chosen: readonly PeerProblem[]) {
  const name =
    kind === 'gpu' ? await gpuOf(folder) : `${await processorName()}, ${availableParallelism()} cores`;
  const flops = peak === undefined ? peakOf(name) : peak * 1e12;
  const heading = `${new Date().toISOString().slice(0, 10)}, ${name}, ${process.platform} ${process.arch}.`;
  const rounds: Round[] = [];
  for (const problem of chosen) {
    const exact = await reference(folder, problem);
    const here = contestants.filter((each) => takesPart(each, problem, kind));
    const entries = await contest(problem, here, { folder, device: kind, commandOf, exact, log });
    rounds.push({ problem, entries, bars: barsOf(problem, kind, entries, flops) });
    console.log(`${problemText(rounds.at(-1)!)}\n`);
  }
  return { rounds, text: section(kind, heading, rounds) };
}

const chosen = problems.filter(({ id }) => only?.split(',').includes(id) ?? true);
const folder = mkdtempSync(join(tmpdir(), 'rankflow-peers-'));
const kinds: readonly DeviceKind[] = device === 'auto' ? ['cpu', 'gpu'] : [device as DeviceKind];
const results: Result[] = [];
const sections: Partial<Record<DeviceKind, string>> = {};
try {
  for (const kind of kinds)
    try {
      const { rounds, text } = await onDevice(kind, folder, chosen);
      sections[kind] = text;
      results.push(...rounds.flatMap(({ bars }) => bars));
    } catch (error) {
      if (!(error instanceof Skipped) || device !== 'auto') throw error;
      console.log(`${kind} skipped: ${error.message}\n`);
    }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(barsText(results));
if (write) {
  const file = join(packageRoot, 'benchmarks/RESULTS.md');
  writeFileSync(file, document(existsSync(file) ? readFileSync(file, 'utf8') : '', sections));
}
process.exit(results.every(({ pass }) => pass) ? 0 : 1);

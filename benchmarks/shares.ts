/**
 * What the time of a command goes to: `npm run bench:shares -- sweep --spectrum ...` runs it under Node's profiler and
 * prints the shares of the kernel, observation, draws, transfers, rows, files, plots, loading and garbage, of all its
 * threads together. A sample counts for the innermost of its callers that one of these is known by.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is read of a profile of V8. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds. */
  readonly timeDeltas: readonly number[];
}

/** What a call is known by: its function and the address of its file, with a space between. */
const known: readonly (readonly [share: string, call: RegExp])[] = [
  ['kernel', /^advance \S*kernels\/wasm\/kernel\.js/],
  ['observation', /kernels\/wasm\/observe\.js|solver\/observ|kernels\/cpu\/|numbers\/gram|problem\/risk/],
  ['draws', /\/ensemble\/|numbers\/philox|problem\/factors/],
  ['plots and report', /\/report\/|vega|resvg|d3-|cli-table|string-width/],
  ['files', /hyparquet|\/results\/|files\/writeWhole/],
  ['rows and statistics', /\/src\/(sweep|problem|run|theory)\//],
  ['solver and transfers', /\/src\/(solver|backend)\/|tfjs/],
  ['loading', /node:internal\/modules|internal\/vm|cjs-module-lexer|compileSourceTextModule/],
];

const special: ReadonlyMap<string, string> = new Map([
  ['(garbage collector)', 'garbage'],
  ['(idle)', 'idle'],
  ['(program)', 'the engine itself'],
]);

/** Seconds of every share of a profile; `idle` is none. */
export function sharesOf({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const found = new Map<number, string>();
  const shareOf = (id: number): string => {
    const before = found.get(id);
    if (before !== undefined) return before;
    const { functionName, url } = byId.get(id)!.callFrame;
    const caller = callers.get(id);
    const share =
      special.get(functionName) ??
      known.find(([, call]) => call.test(`${functionName} ${url}`))?.[0] ??
      (caller === undefined ? 'other' : shareOf(caller));
    found.set(id, share);
    return share;
  };
  const seconds = new Map<string, number>();
  samples.forEach((id, i) => {
    const share = shareOf(id);
    if (share !== 'idle') seconds.set(share, (seconds.get(share) ?? 0) + timeDeltas[i]! / 1e6);
  });
  return seconds;
}

function main(told: readonly string[]): void {
  const command = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-shares-'));
  try {
    const profiles = join(folder, 'profiles');
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--cpu-prof', '--cpu-prof-dir', profiles, command, ...told],
      { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 28 },
    );
    if (status !== 0) throw new Error(stderr);
    const all = new Map<string, number>();
    for (const name of readdirSync(profiles))
      for (const [share, seconds] of sharesOf(
        JSON.parse(readFileSync(join(profiles, name), 'utf8')) as Profile,
      ))
        all.set(share, (all.get(share) ?? 0) + seconds);
    const total = [...all.values()].reduce((sum, seconds) => sum + seconds, 0);
    for (const [share, seconds] of [...all].sort((a, b) => b[1] - a[1]))
      console.log(`${((100 * seconds) / total).toFixed(1).padStart(5)} %  ${share}`);
    console.log(`of ${total.toFixed(1)} s, of the clock while threads were at work`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));

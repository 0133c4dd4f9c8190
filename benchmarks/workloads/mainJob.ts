/**
 * The main job as a user runs it: 256 trials of ranks 1 to 32 on the matrix of src/data/minilm-query, by the command
 * line in a process of its own, on wasm and all cores. From its start to its last file.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sample } from '../measure.js';
import { atLeast, atMost, type Workload } from '../workload.js';

const root = new URL('../../../', import.meta.url);
const command = fileURLToPath(new URL('dist/src/cli/main.js', root));
const config = fileURLToPath(new URL('src/data/minilm-query/sweep.yaml', root));
const flags = { trials: 256, time: 1000, method: 'auto', rtol: 1e-4, steady: 1e-3, backend: 'wasm' };

interface Summary {
  readonly cells: readonly { readonly trials: number; readonly outcome_stationary: number }[];
}

export const mainJob: Workload = {
  id: 'main-job',
  claim: 'the main job from start to end; the share of its trajectories that become stationary',
  unit: 's',
  bar: atMost(60),
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'rankflow-bench-'));
    try {
      const told = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
      const given = ['sweep', '--config', config, ...told, '--out', join(folder, 'results'), '--json'];
      const begun = performance.now();
      const { stdout } = await promisify(execFile)(process.execPath, [command, ...given], {
        maxBuffer: 2 ** 28,
      });
      const seconds = (performance.now() - begun) / 1000;
      const { cells } = JSON.parse(stdout) as Summary;
      const total = (of: (cell: Summary['cells'][number]) => number) =>
        cells.reduce((sum, cell) => sum + of(cell), 0);
      const trials = total((cell) => cell.trials);
      const stationary = total((cell) => cell.outcome_stationary);
      const times = [sample('wall', [seconds])];
      const note = `rankflow sweep --config sweep.yaml ${told.join(' ')}; ${availableParallelism()} cores, one run`;
      return [
        { value: seconds, times, note },
        {
          id: 'main-job-steady',
          value: stationary / trials,
          bar: atLeast(0.99),
          note: `${stationary} of ${trials} trajectories`,
        },
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

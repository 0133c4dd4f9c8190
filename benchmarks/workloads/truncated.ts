/**
 * The truncated decomposition of a large matrix, where singular values fall as a power law and where nothing decays.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sample } from '../measure.js';
import type { TruncatedOnce } from '../truncatedOnce.js';
import { atMost, type Measured, type Workload } from '../workload.js';

const SIDE = 4096;
const COUNT = 64;
const script = fileURLToPath(new URL('../truncatedOnce.js', import.meta.url));

async function once(kind: 'power' | 'gaussian'): Promise<TruncatedOnce> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, kind, `${SIDE}`, `${COUNT}`]);
  return JSON.parse(stdout) as TruncatedOnce;
}

export const truncated: Workload = {
  id: 'truncated-svd',
  claim: `time, peak memory and excess of the ${COUNT} leading singular triples of ${SIDE} x ${SIDE}`,
  unit: 's',
  async run() {
    const results: Measured[] = [];
    for (const kind of ['power', 'gaussian'] as const) {
      const { seconds, peak, iterations, converged, excess } = await once(kind);
      const id = `${this.id}-${kind}`;
      const note = `${iterations} iterations, one process, one thread`;
      results.push(
        ...[
          {
            id,
            unit: 's',
            bar: atMost(10),
            value: seconds,
            valid: converged,
            times: [sample('wall', [seconds])],
            note,
          },
        ],
        ...[{ id: `${id}-memory`, unit: 'GiB', bar: atMost(1), value: peak / 2 ** 30 }],
      );
      if (excess !== null)
        results.push({
          id: `${id}-excess`,
          unit: '',
          bar: atMost(1e-5),
          value: excess,
          note: 'squared distance over the least one, less 1',
        });
    }
    return results;
  },
};

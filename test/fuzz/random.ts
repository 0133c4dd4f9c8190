/**
 * Every reader against files that are made or damaged at random. RANKFLOW_FUZZ sets how many for each reader,
 * RANKFLOW_FUZZ_SEED other ones, and RANKFLOW_FUZZ_ONLY the number of a single one.
 */
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { dice } from './dice.js';
import { fileOf, limitsOf, readers, type Reader } from './readers.js';
import { watched } from './watch.js';

const seed = Number(process.env['RANKFLOW_FUZZ_SEED'] ?? 1);
const only = process.env['RANKFLOW_FUZZ_ONLY'];
const HOUR = 3_600_000;

/** A failing input, so that it can be made again. */
function report({ name }: Reader, number: number, bytes: Buffer, fault: string): string {
  const content = bytes.length > 600 ? '' : `, base64 ${bytes.toString('base64')}`;
  return `${name}, RANKFLOW_FUZZ_SEED=${seed} RANKFLOW_FUZZ_ONLY=${number} (${bytes.length} bytes${content}): ${fault}`;
}

/** Every reader against so many files, or as many as RANKFLOW_FUZZ says; buffers are to be counted (watch.ts). */
export function randomFiles(most: number): void {
  const count = Number(process.env['RANKFLOW_FUZZ'] ?? most);
  it.each(readers.map((reader) => [reader.name, reader] as const))(
    '%s: each is read or refused, in time and in proportion',
    async (name, reader) => {
      const faults: string[] = [];
      const sum = { read: 0, refused: 0, bytes: 0, slowest: 0, ratio: 0 };
      const numbers = only === undefined ? Array.from({ length: count }, (_, i) => i) : [Number(only)];
      for (const number of numbers) {
        const bytes = fileOf(reader, dice(seed, number));
        const trial = watched(reader.open(bytes), limitsOf(reader, bytes.length));
        if (trial.fault !== null) faults.push(report(reader, number, bytes, trial.fault));
        if (faults.length === 5) break;
        sum[trial.refused ? 'refused' : 'read']++;
        sum.bytes += bytes.length;
        sum.slowest = Math.max(sum.slowest, trial.ms);
        if (bytes.length >= 4096) sum.ratio = Math.max(sum.ratio, trial.bytes / bytes.length);
        // Lets the test runner see that this process lives.
        if (number % 200 === 0) await setImmediate();
      }
      expect(faults).toEqual([]);
      console.log(name, sum);
      if (only === undefined) expect(Math.min(sum.read, sum.refused)).toBeGreaterThan(0);
    },
    HOUR,
  );

  it('are the same for the same seed and number', () => {
    for (const reader of readers) {
      const made = [5, 5, 6].map((number) => fileOf(reader, dice(seed, number)).toString('hex'));
      expect(made[1]).toBe(made[0]);
      expect(made[2]).not.toBe(made[0]);
    }
  });
}

/**
 * Timing of variants of the same work against each other. They take turns in one run, so that what slows the machine
 * for a while slows all of them, and ratios are taken within a turn.
 */

/** Does the work once; a number that it returns is the seconds that count, if not all of them do. */
export type Variant = () => Promise<unknown>;

/** Repeated times of a variant, in seconds. */
export interface Sample {
  readonly name: string;
  readonly median: number;
  readonly quartiles: readonly [number, number];
  readonly runs: readonly number[];
}

/** Seconds of every variant in every round, after rounds that do not count. */
export async function interleaved<Name extends string>(
  variants: Readonly<Record<Name, Variant>>,
  rounds: number,
  warmUps = 1,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(variants) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -warmUps; round < rounds; round++)
    for (const name of names) {
      const start = performance.now();
      const told = await variants[name]();
      const seconds = typeof told === 'number' ? told : (performance.now() - start) / 1000;
      if (round >= 0) times[name].push(seconds);
    }
  return times;
}

/** The value below which that share of the values lies, by linear interpolation. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (at - below) * (high - low);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The median of a / b, round by round. */
export const pairedRatio = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, i) => value / b[i]!));

export const sample = (name: string, runs: readonly number[]): Sample => ({
  name,
  median: median(runs),
  quartiles: [quantile(runs, 0.25), quantile(runs, 0.75)],
  runs,
});

export const samples = (times: Readonly<Record<string, readonly number[]>>): Sample[] =>
  Object.entries(times).map(([name, runs]) => sample(name, runs));

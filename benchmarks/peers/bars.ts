/** What the contest is to show: bars on ratios to rankflow, and on its share of what the GPU can do. */
import { flopsPerStep } from '../flow.js';
import { pairedRatio } from '../measure.js';
import { atLeast, judged, type Bar, type Result } from '../workload.js';
import type { Contestant } from './contestants.js';
import { isPlayed, type Entry, type Played } from './contest.js';
import { sizeOf, type PeerProblem } from './problems.js';
import type { DeviceKind } from './protocol.js';

type Family = Contestant['family'];
type Accuracy = Contestant['accuracy'];

interface PeerBar {
  readonly device: DeviceKind;
  readonly problem: string;
  readonly claim: string;
  /** Among whom the best peer is looked for (default: all), and by what their accuracy is told (default: either). */
  readonly family?: Family;
  readonly accuracy?: Accuracy;
  readonly bar: Bar;
}

/** Of steps that are given, and of tolerances to the same error. */
const bySteps = { device: 'cpu', claim: 'best peer by RK4', accuracy: 'step' } as const;
const byError = {
  device: 'cpu',
  claim: 'diffrax at equal error',
  accuracy: 'rtol',
  family: 'diffrax',
} as const;

const bars: readonly PeerBar[] = [
  { ...bySteps, problem: 'w1', bar: atLeast(2.5) },
  { ...bySteps, problem: 'w2', bar: atLeast(1.5) },
  { ...bySteps, problem: 'w5', bar: atLeast(2) },
  ...['w1', 'w2', 'w5'].map((problem) => ({ ...byError, problem, bar: atLeast(2) })),
  { device: 'cpu', problem: 'w4', claim: "diffrax's best", family: 'diffrax', bar: atLeast(15) },
  { device: 'gpu', problem: 'w1-large', claim: 'hand-written JAX', family: 'jax', bar: atLeast(3) },
  { device: 'gpu', problem: 'w1-large', claim: "diffrax's best", family: 'diffrax', bar: atLeast(10) },
];

const PEAK_SHARE = atLeast(0.2);

/** Float32 operations a second outside tensor cores, as the makers state them; H100 and H200 as SXM modules. */
const PEAKS: readonly (readonly [name: RegExp, flops: number])[] = [[/H[12]00/, 67e12]];

export const peakOf = (device: string): number | null =>
  PEAKS.find(([name]) => name.test(device))?.[1] ?? null;

/** The entry of rankflow whose accuracy comes from the same, steps or a tolerance; else its first. */
function rankflowFor(entries: readonly Entry[], { contestant }: Entry): (Entry & Played) | null {
  const own = entries.filter((entry) => entry.contestant.family === 'rankflow');
  const alike = own.find((entry) => entry.contestant.accuracy === contestant.accuracy) ?? own[0];
  return alike && isPlayed(alike) && alike.valid ? alike : null;
}

/** How many times as long as rankflow a peer takes for a trajectory, round by round; NaN if either did not. */
export function ratioIn(entries: readonly Entry[], peer: Entry): number {
  const own = rankflowFor(entries, peer);
  return own && isPlayed(peer) ? pairedRatio(peer.times.runs, own.times.runs) : NaN;
}

/** Arithmetic rate of RK4, of the kernel alone if that was timed. */
export function flopsOf(problem: PeerProblem, { times, kernel }: Played): number | null {
  if (problem.integration.kind !== 'rk4') return null;
  return (problem.integration.steps * flopsPerStep(sizeOf(problem))) / (kernel ?? times.median);
}

/** The bars of a problem on a device. */
export function barsOf(
  problem: PeerProblem,
  device: DeviceKind,
  entries: readonly Entry[],
  peak: number | null = null,
): Result[] {
  const [first] = entries;
  const own = first && isPlayed(first) && first.valid ? first : null;
  const ratios = bars
    .filter((each) => each.device === device && each.problem === problem.id)
    .map(({ claim, family, accuracy, bar }) => {
      const workload = { id: `${problem.id}, ${claim} over rankflow`, claim, unit: 'x', bar, run: none };
      const rivals = entries.filter(isPlayed).filter(({ contestant, valid }) => {
        const counts = family === undefined ? contestant.family !== 'rankflow' : contestant.family === family;
        return valid && counts && (accuracy === undefined || contestant.accuracy === accuracy);
      });
      const compared = rivals.map((peer) => ({ peer, ratio: ratioIn(entries, peer) }));
      const [best] = compared.sort((a, b) => a.ratio - b.ratio);
      return judged(workload, {
        value: best?.ratio ?? NaN,
        note: best ? `the best: ${best.peer.contestant.name}` : 'no valid peer',
      });
    });
  if (device !== 'gpu' || problem.id !== 'w1-large') return ratios;
  const share = own && peak !== null ? flopsOf(problem, own)! / peak : NaN;
  const workload = { id: `${problem.id}, share of peak`, claim: '', unit: '', bar: PEAK_SHARE, run: none };
  const note = peak === null ? 'peak unknown: give --peak' : `of ${peak / 1e12} TFlop/s, kernel alone`;
  return [...ratios, judged(workload, { value: share, note })];
}

const none = () => Promise.resolve([]);

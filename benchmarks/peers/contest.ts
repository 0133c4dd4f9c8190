/**
 * A problem, solved by all contestants in turns. Each first finds on a few trajectories how accurate it has to be told
 * to be, and how many trajectories it manages in the time of a run; its next run is its first of that size, with all
 * that it compiles for it, and the rounds follow.
 */
import { Skipped } from '../workload.js';
import { sample, type Sample } from '../measure.js';
import type { Factors } from '../../src/problem/factors.js';
import { accuraciesOf, type Contestant } from './contestants.js';
import { enter, largestError, play, runOf, type Command, type Player } from './player.js';
import { writeStarts, type PeerProblem } from './problems.js';
import type { Accuracy, Answer, DeviceKind, Run } from './protocol.js';

/** Below this, errors of ends are the rounding of float32 numbers. */
const ROUNDING = 1e-6;
/** Errors are equal up to this factor. */
const EQUAL = 1.5;

/** What a contestant did in a problem; or why it did not. */
export type Entry = { readonly contestant: Contestant } & (
  { readonly skipped: string } | { readonly failed: string } | Played
);

export interface Played {
  readonly versions: Readonly<Record<string, string>>;
  readonly device: string;
  readonly accuracy: Accuracy;
  readonly trajectories: number;
  /** Seconds of the first run of that size. */
  readonly firstSeconds: number;
  /** Seconds per trajectory. */
  readonly times: Sample;
  /** Median seconds per trajectory of transfers between host and device. */
  readonly transfer: number | null;
  /** Median seconds per trajectory of the kernel alone. */
  readonly kernel: number | null;
  readonly error: number;
  readonly valid: boolean;
  readonly peakBytes: number;
  readonly gpuPeakBytes: number | null;
}

export const isPlayed = (entry: Entry): entry is Entry & Played => 'times' in entry;

interface Ready {
  readonly contestant: Contestant;
  readonly player: Player;
  readonly accuracy: Accuracy;
  readonly trajectories: number;
  firstSeconds: number;
  readonly answers: Answer[];
  error: number;
}

/** Whether an end as wrong as that counts: NaN does not. */
export const isValid = (error: number, { largestError }: Pick<PeerProblem, 'largestError'>): boolean =>
  error <= largestError;

/** As many trajectories, a power of two times those of the pilot, as take about the time of a run. */
export function trajectoriesFor(
  { trajectories, pilot, secondsPerRun }: Pick<PeerProblem, 'trajectories' | 'pilot' | 'secondsPerRun'>,
  { most = Infinity }: Pick<Contestant, 'most'>,
  pilotSeconds: number,
): number {
  const times = 2 ** Math.max(0, Math.floor(Math.log2(secondsPerRun / pilotSeconds)));
  return Math.min(trajectories, most, pilot * times);
}

/** The first accuracy, loosest first, whose error is allowed; else the one of the smallest error. */
export async function accuracyFor<A extends object>(
  candidates: readonly A[],
  errorOf: (accuracy: A) => Promise<number>,
  allowed: number,
): Promise<A> {
  let best: { accuracy: A; error: number } = { accuracy: candidates[0]!, error: Infinity };
  if (candidates.length === 1) return best.accuracy;
  for (const accuracy of candidates) {
    const error = await errorOf(accuracy);
    if (error <= allowed) return accuracy;
    if (error < best.error) best = { accuracy, error };
  }
  return best.accuracy;
}

interface Setting {
  readonly folder: string;
  readonly device: DeviceKind;
  readonly commandOf: (contestant: Contestant) => Command;
  /** Ends of the checked trajectories by an independent integration in float64. */
  readonly exact: readonly Factors[];
  readonly log: (text: string) => void;
}

export const accuracyText = ({ step, rtol }: Accuracy): string =>
  step === null ? `rtol ${rtol}` : `step ${step}`;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** All entries, in the order of the contestants, of which the first is rankflow. */
export async function contest(
  problem: PeerProblem,
  contestants: readonly Contestant[],
  setting: Setting,
): Promise<Entry[]> {
  const { folder, device, commandOf, exact, log } = setting;
  const outcomes = new Map<Contestant, Entry>();
  const ready: Ready[] = [];
  const played = async (player: Player, run: Run) => {
    const { answer, ends } = await play(player, folder, problem, run);
    const expected = Math.min(problem.checked, run.trajectories);
    return { answer, error: largestError(ends, exact, expected) };
  };
  /** What a contestant does; it is out once it fails. */
  const attempt = async (contestant: Contestant, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      const why = messageOf(error);
      log(`${problem.id}, ${contestant.name}: ${why}`);
      outcomes.set(contestant, {
        contestant,
        ...(error instanceof Skipped ? { skipped: why } : { failed: why }),
      });
    }
  };

  writeStarts(folder, problem, problem.pilot);
  let allowed = ROUNDING;
  const players: Player[] = [];
  try {
    for (const contestant of contestants)
      await attempt(contestant, async () => {
        const player = await enter(commandOf(contestant), folder, device);
        players.push(player);
        const pilot = Math.min(problem.pilot, contestant.most ?? Infinity);
        const candidates = accuraciesOf(contestant, problem);
        const tried = (accuracy: Accuracy) => played(player, runOf(problem, pilot, accuracy));
        const accuracy = await accuracyFor(candidates, async (each) => (await tried(each)).error, allowed);
        // The first run may have compiled.
        if (candidates.length === 1) await tried(accuracy);
        const { answer, error } = await tried(accuracy);
        if (contestant === contestants[0]) allowed = Math.max(ROUNDING, EQUAL * error);
        const trajectories = trajectoriesFor(problem, contestant, answer.seconds);
        ready.push({ contestant, player, accuracy, trajectories, firstSeconds: NaN, answers: [], error });
        const told = `${accuracyText(accuracy)}, error ${error.toExponential(1)}, ${trajectories} trajectories`;
        log(`${problem.id}, ${contestant.name}: ${told}`);
      });

    writeStarts(folder, problem, Math.max(problem.pilot, ...ready.map(({ trajectories }) => trajectories)));
    for (let round = -1; round < problem.rounds; round++)
      for (const each of ready.filter(({ contestant }) => !outcomes.has(contestant)))
        await attempt(each.contestant, async () => {
          const run = runOf(problem, each.trajectories, each.accuracy);
          const { answer, error } = await played(each.player, run);
          if (round < 0) each.firstSeconds = answer.seconds;
          else each.answers.push(answer);
          // The worst of all; what is not a number stays so.
          each.error = error > each.error || Number.isNaN(error) ? error : each.error;
        });
  } finally {
    for (const player of players) player.close();
  }
  for (const each of ready)
    if (!outcomes.has(each.contestant)) outcomes.set(each.contestant, entryOf(each, problem));
  return contestants.map((contestant) => outcomes.get(contestant)!);
}

function entryOf(
  { contestant, player, accuracy, trajectories, firstSeconds, answers, error }: Ready,
  problem: PeerProblem,
): Entry & Played {
  const { versions, device } = player.hello;
  const last = answers.at(-1)!;
  const perTrajectory = (of: (answer: Answer) => number | null | undefined) => {
    const values = answers.map(of).filter((value) => typeof value === 'number');
    return values.length === 0
      ? null
      : sample(
          '',
          values.map((value) => value / trajectories),
        ).median;
  };
  return {
    ...{ contestant, versions, device, accuracy, trajectories, firstSeconds, error },
    times: sample(
      contestant.name,
      answers.map(({ seconds }) => seconds / trajectories),
    ),
    transfer: perTrajectory(({ transferSeconds }) => transferSeconds),
    kernel: perTrajectory(({ kernelSeconds }) => kernelSeconds),
    valid: isValid(error, problem),
    peakBytes: last.peakBytes,
    gpuPeakBytes: last.gpuPeakBytes,
  };
}

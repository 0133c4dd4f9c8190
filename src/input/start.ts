/** How adapters start, as a config names it: drawn, computed, or of a file of adapters; and their scale. */
import type { Coefficients } from '../flow/coefficients.js';
import {
  fromAdapters,
  initialization,
  initializationNames,
  type Initialization,
} from '../ensemble/initialization.js';
import { residualOf, type Adapter } from '../ensemble/adapter.js';
import { computedStart, isComputed, type ComputedStart } from '../ensemble/computedStart.js';
import { checkFlowStart } from '../ensemble/flowStart.js';
import type { MemberLaw } from '../ensemble/member.js';
import { scaleOf, type Scaling } from '../ensemble/scaling.js';
import { symmetriesOf, type Flow } from '../flow/flow.js';
import type { Symmetries } from '../flow/rules.js';
import { nameFrom } from '../files/location.js';
import { say } from '../files/say.js';
import { InputError } from '../host/inputError.js';
import { transposed, type Dense } from '../numbers/dense.js';
import { entriesOf } from '../numbers/operator.js';
import { outOfFrame } from '../problem/factors.js';
import type { Problem } from '../problem/problem.js';
import type { AdapterScale } from './adapterConfig.js';
import { isAdapterFile, readAdapters, type StoredAdapters } from './adapters.js';
import { builtInLoss } from '../problem/losses.js';
import { baseOf, MOST_ENTRIES, type Shape, type Source } from '../problem/source.js';
import type { Bases } from '../solver/observables.js';
import { paddedWidth } from '../solver/solve.js';
import { makeProblem } from './problem.js';
import { checkClock } from './scale.js';

/** The law of members, and how many of them there are. */
export interface Start extends MemberLaw {
  readonly flow: Flow;
  readonly scaling: Scaling;
  readonly trials: number;
  /** W0 and what is frozen in its place; null where no matrix gives W0. */
  readonly bases: Bases | null;
}

export interface StartOptions {
  /** `NAME`, `NAME:PARAMETER`, or a file or folder of adapters. */
  readonly init: string;
  readonly rank: number;
  /** The scale that is asked for; null: that of stored adapters, else 1. */
  readonly scale: Pick<AdapterScale, 'scaling' | 'alpha'> | null;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
  readonly flow: Flow;
  /** Draws; a deterministic start has one. */
  readonly trials: number;
}

/**
 * The start of a problem's adapters of one rank. Starts that move W0 have a problem of their own, with the residual in
 * its place.
 * @throws InputError if there is no such initialization, file, or adapter of this rank; the scale is out of range; or
 *   the flow cannot start so
 */
export async function startOf(problem: Problem, source: Source, options: StartOptions): Promise<Start> {
  const { init, rank, lrRatioA, lrRatioB, flow, trials } = options;
  const stored = isNamed(init) ? null : storedAdapters(init, problem, rank, trials, source.spec.folder);
  const { scaling, alpha } = scalingFor(init, stored, options.scale);
  const computed = isComputed(init) ? computedStart(init) : null;
  const coefficients: Coefficients = {
    scale: scaleOf(scaling, alpha, rank),
    lrRatioA,
    lrRatioB: computed?.freezesB ? 0 : lrRatioB,
  };
  checkClock(coefficients, flow);
  const {
    problem: moved,
    initialization,
    residual,
  } = computed
    ? await startedAt(computed, problem, source, rank, coefficients.scale, symmetriesOf(flow))
    : {
        problem,
        initialization: stored ? fromAdapters(init, stored.adapters) : namedStart(init, rank),
        residual: null,
      };
  const { base } = source;
  const bases = base && { original: base, frozen: residual ?? base };
  const draws = initialization.deterministic ? 1 : trials;
  const start = {
    ...{ problem: moved, rank, initialization, scaling, coefficients, flow, trials: draws },
    ...{ draw: source.draw, bases },
  };
  checkFlowStart(start);
  return start;
}

/** A start at another draw of the target, towards its problem: what was read of files stays. */
export const startAtDraw = async (start: Start, problem: Problem, source: Source, options: StartOptions) =>
  isNamed(options.init) ? startOf(problem, source, options) : { ...start, problem, draw: source.draw };

/** @throws InputError if no adapter of W [n, m] has this rank, or its factors are too large */
export function checkRank(rank: number, { n, m }: Shape): void {
  if (rank > Math.min(n, m)) throw new InputError('rank', rank, `at most min(n, m) = ${Math.min(n, m)}`);
  if ((n + m) * paddedWidth(rank) > MOST_ENTRIES)
    throw new InputError('shape', `${n}x${m}`, `small enough that (n + m) r is at most ${MOST_ENTRIES}`);
}

/** More trajectories than these are taken for a mistake: their rows alone would be 30 GB. */
const MOST_TRAJECTORIES = 100_000_000;

/** @throws InputError if there are too many trajectories, which come of so many trials */
export function checkTrajectories(trajectories: number, trials: number): void {
  if (trajectories > MOST_TRAJECTORIES)
    throw new InputError('trials', trials, `at most ${MOST_TRAJECTORIES} over all cells together`);
}

const isNamed = (init: string) => Object.hasOwn(initializationNames, init.split(':')[0]!);

function namedStart(init: string, rank: number): Initialization {
  const named = initialization(init);
  named.checkRank(rank);
  return named;
}

/** The adapters of a file; null if it is no such file. */
function storedAdapters(
  init: string,
  problem: Problem,
  rank: number,
  trials: number,
  folder: string | undefined,
): StoredAdapters | null {
  const file = nameFrom(folder, init);
  if (!isAdapterFile(file)) return null;
  const stored = readAdapters(file, problem, rank);
  const count = stored.adapters.length;
  if (count !== 1 && count < trials)
    throw new InputError('trials', trials, `at most ${count}, the adapters in ${init}`);
  return stored;
}

/** The scaling that is asked for; else, of stored adapters, that of their config. The choice is said. */
function scalingFor(
  init: string,
  stored: StoredAdapters | null,
  asked: StartOptions['scale'],
): Pick<AdapterScale, 'scaling' | 'alpha'> {
  const chosen = asked ?? { scaling: 'none', alpha: 1 };
  if (!stored) return chosen;
  const { scale } = stored;
  if (!scale) {
    if (!asked) say(`${init}: s = 1: there is no adapter_config.json beside it, and no scale is asked for`);
    return chosen;
  }
  const own = scaleOf(scale.scaling, scale.alpha, scale.rank);
  const used = asked ? scaleOf(asked.scaling, asked.alpha, scale.rank) : own;
  say(
    used === own
      ? `${init}: s = ${own}, of its adapter_config.json`
      : `${init}: s = ${used}, as asked for; its adapter_config.json says ${own}`,
  );
  return asked ?? scale;
}

/** A computed start on a problem, which it may move. @throws InputError if the problem lacks what it is computed from */
async function startedAt(
  start: ComputedStart,
  problem: Problem,
  source: Source,
  rank: number,
  scale: number,
  symmetries: Symmetries,
): Promise<Pick<Start, 'problem' | 'initialization'> & { residual: Dense | null }> {
  const { structure, frame, n, m, loss } = problem;
  const builtIn = builtInLoss(loss.name);
  if (builtIn?.dependsOn === 'trace')
    throw new InputError(
      'init',
      start.name,
      `used with another loss: ${loss.name} knows only the trace of W0`,
    );
  const inFrame = start.adapter(
    {
      ...{ n, m, base: source.base },
      descent: (count) => problem.descentTriples(count),
      covariance: 'covariance' in structure ? structure.covariance && entriesOf(structure.covariance) : null,
    },
    rank,
    scale,
  );
  // Those of the gradient are in the coordinates of the problem.
  const adapter = start.needs === 'gradient' ? adapterOutOf(frame, inFrame) : inFrame;
  const initialization = fromAdapters(start.name, [adapter]);
  if (!start.movesBase) return { problem, initialization, residual: null };
  const base = builtIn ? source.base : baseOf(source, problem);
  const residual = residualOf(base, adapter, scale);
  return { problem: await movedTo(residual, problem, source, symmetries), initialization, residual };
}

function adapterOutOf(frame: Problem['frame'], { loraA, loraB }: Adapter): Adapter {
  const { x, y } = outOfFrame({ x: loraB, y: transposed(loraA) }, frame);
  return { loraA: transposed(y), loraB: x };
}

/**
 * The problem in which a residual is frozen in the place of W0: the adapter moves on top of it, but the model that it
 * starts from, and that full fine-tuning would start from, is still W0.
 */
async function movedTo(
  residual: Dense,
  original: Problem,
  source: Source,
  symmetries: Symmetries,
): Promise<Problem> {
  const { initialLoss, fullFineTuningRate } = original;
  const moved = await makeProblem(original.loss.name, source, original, residual, symmetries);
  return {
    ...moved,
    ...(moved.risk && { risk: { ...moved.risk, scale: original.risk!.scale } }),
    initialLoss,
    fullFineTuningRate,
    fullFineTuningLoss: (t) => original.fullFineTuningLoss(t),
    ...(original.fullFineTuningRisk && { fullFineTuningRisk: original.fullFineTuningRisk }),
  };
}

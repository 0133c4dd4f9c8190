/**
 * A sweep's plan: every cell (loss x shape x initialization x scaling x rank) with its problem, law and trials,
 * resolved from a config. Everything that can be refused is refused here, before anything runs or is written.
 */
import { toFactors, clock, type Coefficients } from '../ensemble/adapter.js';
import { intoFrame } from '../problem/factors.js';
import {
  fromAdapters,
  initialization,
  initializationNames,
  pissaStart,
  type Initialization,
} from '../ensemble/initialization.js';
import { scaleOf, type Scaling } from '../ensemble/scaling.js';
import { InputError } from '../host/inputError.js';
import { say } from '../files/say.js';
import type { AdapterScale } from '../input/adapterConfig.js';
import { isAdapterFile, readAdapters } from '../input/adapters.js';
import { checkClock } from '../input/scale.js';
import {
  labelOf,
  MOST_ENTRIES,
  parseShape,
  readSource,
  shapeOf,
  type Shape,
  type Source,
} from '../problem/source.js';
import { makeProblem } from '../input/problem.js';
import { method, methodFor, type MethodName } from '../method/methods.js';
import type { Method } from '../method/method.js';
import { builtInLoss, checkCurvatures } from '../problem/losses.js';
import type { Problem } from '../problem/problem.js';
import type { StopRule } from '../method/track.js';
import { drawnFrom } from '../solver/drawn.js';
import { paddedWidth, type Member } from '../solver/solve.js';
import type { SweepConfig } from './config.js';
import { horizons, type Horizon } from './horizon.js';

export interface Cell {
  readonly index: number;
  readonly problem: Problem;
  readonly target: string;
  readonly rank: number;
  readonly initialization: Initialization;
  readonly scaling: Scaling;
  readonly coefficients: Coefficients;
  readonly trials: number;
  /** How its trajectories are advanced, and for how long: of its own problem and coefficients alone. */
  readonly method: Method;
  readonly methodName: MethodName;
  readonly stop: StopRule;
}

export interface Plan {
  readonly config: SweepConfig;
  readonly cells: readonly Cell[];
}

export const totalTrials = ({ cells }: Pick<Plan, 'cells'>): number =>
  cells.reduce((sum, { trials }) => sum + trials, 0);

/** More trajectories than these are taken for a mistake: their rows alone would be 30 GB. */
const MOST_TRAJECTORIES = 100_000_000;

/**
 * The config, with the method and times that all cells share filled in, and its cells.
 * @param problemOf makes problems otherwise, where less of them is asked
 * @throws InputError
 */
export async function makePlan(given: SweepConfig, problemOf = makeProblem): Promise<Plan> {
  const config = withoutRepeats(given);
  checkCurvatures(config, config.loss);
  // Options that it does not take are refused before problems are made.
  method(config.method === 'auto' ? methodFor(0) : config.method, config);
  const source = readSource(config);
  const horizonAt = horizons(config);
  const cells: Cell[] = [];
  for (const loss of config.loss) {
    for (const shape of shapesOf(config, source)) {
      for (const rank of config.ranks) checkRank(rank, shape);
      const problem = await problemOf(loss, source, shape);
      for (const spec of config.init) {
        for (const given of config.scaling ?? ['none']) {
          for (const rank of config.ranks) {
            const stored = isNamed(spec) ? null : storedStart(spec, problem, rank, config);
            const { scaling, alpha } = scaleFor(spec, stored, given, config);
            const coefficients = {
              scale: scaleOf(scaling, alpha, rank),
              lrRatioA: config.lrRatioA,
              lrRatioB: config.lrRatioB,
            };
            checkClock(coefficients);
            const start =
              spec === 'pissa'
                ? await pissa(problem, loss, source, rank, coefficients.scale)
                : { problem, initialization: stored?.initialization ?? namedStart(spec, rank) };
            cells.push({
              index: cells.length,
              target: labelOf(source),
              rank,
              scaling,
              coefficients,
              trials: start.initialization.deterministic ? 1 : config.trials,
              ...start,
              ...horizonAt(start.problem.rate * clock(coefficients)),
            });
          }
        }
      }
    }
  }
  if (totalTrials({ cells }) > MOST_TRAJECTORIES)
    throw new InputError('trials', config.trials, `at most ${MOST_TRAJECTORIES} over all cells together`);
  return { config: { ...config, ...shared(cells) }, cells };
}

/** A config whose lists name everything once. */
function withoutRepeats({ loss, shape, ranks, init, scaling, ...rest }: SweepConfig): SweepConfig {
  const once = <T>(items: readonly T[]) => [...new Set(items)];
  return {
    ...rest,
    ...{ loss: once(loss), ranks: once(ranks), init: once(init) },
    ...(shape && { shape: once(shape) }),
    ...(scaling && { scaling: once(scaling) }),
  };
}

/** What the horizons of all cells have in common, as a config says it. */
function shared(cells: readonly Horizon[]): Partial<SweepConfig> {
  const [{ methodName, stop }] = cells as readonly [Horizon, ...Horizon[]];
  const same = (told: (cell: Horizon) => unknown) =>
    new Set(cells.map((cell) => JSON.stringify(told(cell)))).size === 1;
  return {
    steady: stop.steadyTolerance,
    ...(same((cell) => cell.methodName) && { method: methodName }),
    ...(same((cell) => cell.stop.saveTimes) && {
      time: stop.saveTimes.at(-1)!,
      saveTimes: [...stop.saveTimes],
    }),
  };
}

/** The trajectory of a cell's trial. */
export function member(cell: Cell, trial: number, seed: number): Member {
  const { problem, rank, coefficients, initialization: start } = cell;
  const key = { seed, rank, trial };
  const normal = start.normal(rank);
  return {
    rank,
    coefficients,
    drawn: normal && drawnFrom(key, normal, coefficients),
    initial() {
      const adapter = start.draw({
        n: problem.n,
        m: problem.m,
        lrRatioA: coefficients.lrRatioA,
        key,
        spectralDirections: problem.spectralDirections,
      });
      const factors = toFactors(adapter, coefficients);
      return start.coordinates === 'original' ? intoFrame(factors, problem.frame) : factors;
    },
  };
}

function shapesOf({ shape }: SweepConfig, source: Source): Shape[] {
  const given = shapeOf(source);
  const named = shape?.map(parseShape);
  if (!named && !given) throw new InputError('shape', undefined, 'NxM, unless a matrix file gives it');
  return named ?? [given as Shape];
}

function checkRank(rank: number, { n, m }: Shape): void {
  if (rank > Math.min(n, m)) throw new InputError('rank', rank, `at most min(n, m) = ${Math.min(n, m)}`);
  if ((n + m) * paddedWidth(rank) > MOST_ENTRIES)
    throw new InputError('shape', `${n}x${m}`, `small enough that (n + m) r is at most ${MOST_ENTRIES}`);
}

const isNamed = (spec: string) => Object.hasOwn(initializationNames, spec.split(':')[0]!);

function namedStart(spec: string, rank: number): Initialization {
  const named = initialization(spec);
  named.checkRank(rank);
  return named;
}

/** The start of a file of adapters, with the scale that it says; null if it is no such file. */
function storedStart(spec: string, problem: Problem, rank: number, { trials }: SweepConfig) {
  if (!isAdapterFile(spec)) return null;
  const { adapters, scale } = readAdapters(spec, problem, rank);
  if (adapters.length !== 1 && adapters.length < trials) {
    throw new InputError('trials', trials, `at most ${adapters.length}, the adapters in ${spec}`);
  }
  return { initialization: fromAdapters(spec, adapters), scale };
}

/** The scaling of a cell: the user's; else, of stored adapters, what their config says. What is not said is said. */
function scaleFor(
  spec: string,
  stored: { scale: AdapterScale | null } | null,
  scaling: Scaling,
  config: SweepConfig,
): Pick<AdapterScale, 'scaling' | 'alpha'> {
  const asked = { scaling, alpha: config.alpha ?? 1 };
  if (!stored) return asked;
  const { scale } = stored;
  const isAsked = config.scaling !== undefined || config.alpha !== undefined;
  if (!scale) {
    if (!isAsked) say(`${spec}: s = 1: there is no adapter_config.json beside it, and no scale is asked for`);
    return asked;
  }
  const own = scaleOf(scale.scaling, scale.alpha, scale.rank);
  const used = isAsked ? scaleOf(asked.scaling, asked.alpha, scale.rank) : own;
  say(
    used === own
      ? `${spec}: s = ${own}, of its adapter_config.json`
      : `${spec}: s = ${used}, as asked for; its adapter_config.json says ${own}`,
  );
  return isAsked ? asked : scale;
}

/**
 * PiSSA's start on a problem: the adapter moves on top of the residual, but the model it starts from, and that full
 * fine-tuning would start from, is still W0.
 */
async function pissa(original: Problem, loss: string, source: Source, rank: number, scale: number) {
  if (!source.base)
    throw new InputError('init', 'pissa', 'used with a base matrix (base), whose singular values it takes');
  if (builtInLoss(loss)?.dependsOn === 'trace')
    throw new InputError('init', 'pissa', `used with another loss: ${loss} knows only the trace of W0`);
  const { adapter, residual } = pissaStart(source.base, rank, scale);
  const { initialLoss, fullFineTuningRate } = original;
  const problem: Problem = {
    ...(await makeProblem(loss, source, original, residual)),
    initialLoss,
    fullFineTuningRate,
    fullFineTuningLoss: (t) => original.fullFineTuningLoss(t),
  };
  return { problem, initialization: fromAdapters('pissa', [adapter]) };
}

/**
 * A sweep's plan: every cell (loss x shape x initialization x scaling x rank) with its problem, law and trials,
 * resolved from a config. Everything that can be refused is refused here, before anything runs or is written.
 */
import { intoFrame, toFactors, clock, type Coefficients } from '../ensemble/adapter.js';
import { fromAdapters, initialization, pissaStart, type Initialization } from '../ensemble/initialization.js';
import { scaleOf, type Scaling } from '../ensemble/scaling.js';
import { InputError } from '../inputError.js';
import { readAdapters } from '../input/adapters.js';
import {
  labelOf,
  makeProblem,
  MOST_ENTRIES,
  parseShape,
  readSource,
  shapeOf,
  type Shape,
  type Source,
} from '../input/source.js';
import { method, methodFor, type Method } from '../method/method.js';
import type { Problem } from '../problem/problem.js';
import type { StopRule } from '../method/track.js';
import { drawnFrom } from '../solver/drawn.js';
import { paddedWidth, type Member } from '../solver/solve.js';
import type { SweepConfig } from './config.js';

export interface Cell {
  readonly index: number;
  readonly problem: Problem;
  readonly target: string;
  readonly rank: number;
  readonly initialization: Initialization;
  readonly scaling: Scaling;
  readonly coefficients: Coefficients;
  readonly trials: number;
}

export interface Plan {
  readonly config: SweepConfig;
  readonly cells: readonly Cell[];
  readonly method: Method;
  readonly stop: StopRule;
}

export const totalTrials = ({ cells }: Pick<Plan, 'cells'>): number =>
  cells.reduce((sum, { trials }) => sum + trials, 0);

/** More trajectories than these are taken for a mistake: their rows alone would be 30 GB. */
const MOST_TRAJECTORIES = 100_000_000;

/**
 * The config with every default that depends on the problems filled in, and its cells.
 * @param problemOf makes problems otherwise, where less of them is asked
 * @throws InputError
 */
export async function makePlan(config: SweepConfig, problemOf = makeProblem): Promise<Plan> {
  if (config.covariance !== undefined && !config.loss.includes('linear-regression'))
    throw new InputError('covariance', config.covariance, 'left out: only linear-regression uses it');
  // Options that it does not take are refused before problems are made.
  method(config.method === 'auto' ? methodFor(0) : config.method, config);
  const source = readSource(config);
  const cells: Cell[] = [];
  for (const loss of config.loss) {
    for (const shape of shapesOf(config, source)) {
      for (const rank of config.ranks) checkRank(rank, shape);
      const problem = await problemOf(loss, source, shape);
      for (const spec of config.init) {
        for (const scaling of config.scaling) {
          for (const rank of config.ranks) {
            const coefficients = {
              scale: scaleOf(scaling, config.alpha, rank),
              lrRatioA: config.lrRatioA,
              lrRatioB: config.lrRatioB,
            };
            const start =
              spec === 'pissa'
                ? await pissa(problem, loss, source, rank, coefficients.scale)
                : { problem, initialization: initializationOf(spec, problem, rank, config.trials) };
            cells.push({
              index: cells.length,
              target: labelOf(source),
              rank,
              scaling,
              coefficients,
              trials: start.initialization.deterministic ? 1 : config.trials,
              ...start,
            });
          }
        }
      }
    }
  }
  if (totalTrials({ cells }) > MOST_TRAJECTORIES)
    throw new InputError('trials', config.trials, `at most ${MOST_TRAJECTORIES} over all cells together`);
  const rates = cells.map(({ problem, coefficients }) => problem.rate * clock(coefficients));
  const span = config.time ?? DEFAULT_HORIZON / (Math.min(...rates) || 1);
  const name = config.method === 'auto' ? methodFor(span * Math.max(...rates)) : config.method;
  const stepping = method(name, config);
  const stop = stopRule({ ...config, method: name }, stepping, span);
  const { saveTimes, steadyTolerance: steady } = stop;
  const time = saveTimes.at(-1)!;
  const resolved = { ...config, method: name, time, steady, saveTimes: [...saveTimes] };
  return { config: resolved, cells, method: stepping, stop };
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

function initializationOf(spec: string, problem: Problem, rank: number, trials: number): Initialization {
  if (!spec.endsWith('.safetensors')) {
    const named = initialization(spec);
    named.checkRank(rank);
    return named;
  }
  const adapters = readAdapters(spec, problem, rank);
  if (adapters.length !== 1 && adapters.length < trials) {
    throw new InputError('trials', trials, `at most ${adapters.length}, the adapters in ${spec}`);
  }
  return fromAdapters(spec, adapters);
}

/**
 * PiSSA's start on a problem: the adapter moves on top of the residual, but the model it starts from, and that full
 * fine-tuning would start from, is still W0.
 */
async function pissa(original: Problem, loss: string, source: Source, rank: number, scale: number) {
  if (!source.base)
    throw new InputError('init', 'pissa', 'used with a base matrix (base), whose singular values it takes');
  if (loss === 'trace-squared')
    throw new InputError('init', 'pissa', 'used with another loss: trace-squared knows only the trace of W0');
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

/** Steady-state tolerance when none is given. */
export const DEFAULT_STEADY = 1e-4;
const DEFAULT_SAVES = 32;
/** Time, in units of the slowest problem's fastest growth, when none is given. */
const DEFAULT_HORIZON = 400;

/** Save times and steady-state tolerance, from the config and the time that trajectories are to be followed for. */
function stopRule(config: SweepConfig, stepping: Method, span: number): StopRule {
  const step = 'step' in stepping ? stepping.step : null;
  const whole = (time: number) => (step === null ? time : Math.max(1, Math.round(time / step)) * step);
  const time = config.time ?? whole(span);
  const defaults = Array.from({ length: DEFAULT_SAVES }, (_, i) =>
    Math.min(time, whole(time * 10 ** ((3 * (i + 1)) / DEFAULT_SAVES - 3))),
  );
  const saveTimes = [...new Set([...(config.saveTimes ?? defaults), time])].sort((a, b) => a - b);
  for (const saved of saveTimes) {
    if (saved > time) throw new InputError('saveTimes', saved, `at most the end time ${time}`);
    if (step !== null && Math.abs(saved / step - Math.round(saved / step)) > 1e-6) {
      throw new InputError(
        saved === time ? 'time' : 'saveTimes',
        saved,
        `a whole multiple of the step ${step}, which ${config.method} does not cut`,
      );
    }
  }
  return {
    saveTimes,
    steadyTolerance:
      config.steady === undefined ? (config.time === undefined ? DEFAULT_STEADY : null) : config.steady,
    maxSteps: config.maxSteps,
  };
}

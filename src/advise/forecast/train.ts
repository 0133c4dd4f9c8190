/**
 * The training that is planned, simulated on a surrogate: every rank from every start, weight by weight, as the
 * optimizer moves A and B. The losses of weights add up, since their curvature is in blocks.
 */
import { readSafetensors, type Safetensors } from '../../files/safetensors.js';
import { fromAdapters, initialization, type Initialization } from '../../ensemble/initialization.js';
import { membersOf } from '../../ensemble/member.js';
import { scaleOf } from '../../ensemble/scaling.js';
import type { Coefficients } from '../../flow/coefficients.js';
import { flow as flowOf, type Flow } from '../../flow/flow.js';
import { motionOf } from '../../flow/motion.js';
import { clock, normalizationOf } from '../../flow/normalization.js';
import { InputError } from '../../host/inputError.js';
import { flowUnder, type Method } from '../../method/method.js';
import { method as methodOf } from '../../method/methods.js';
import { succeeded, type Outcome } from '../../method/outcome.js';
import type { StopRule } from '../../method/track.js';
import { dense } from '../../numbers/dense.js';
import { updateSingularValues } from '../../numbers/updateSingularValues.js';
import type { Factors } from '../../problem/factors.js';
import { solveOptions } from '../../input/execution.js';
import type { Device } from '../../solver/device.js';
import { eachOnce, wayOf, type Way } from '../../solver/path.js';
import type { Solved } from '../../solver/solution.js';
import { solve } from '../../solver/solve.js';
import { TRIALS, type ForecastConfig } from './config.js';
import type { Statistics } from './statistics.js';
import type { Surrogate } from './surrogates.js';

/** A training as it is simulated. */
export interface Training {
  readonly config: ForecastConfig;
  readonly method: Method;
  readonly flow: Flow;
  /** Steps after which losses are kept, ascending; the last is the end. */
  readonly saves: readonly number[];
  readonly trials: number;
  /** How the adapter of a weight starts at a rank. */
  start(weight: number, rank: number): Initialization;
}

/** Adapters of one rank from one start, trained on a surrogate. */
export interface Trained {
  readonly rank: number;
  readonly trial: number;
  /** At the saves; NaN from where the training of a weight failed. */
  readonly losses: readonly number[];
  /** How the training of each weight ended. */
  readonly outcomes: readonly Outcome[];
  /** How much each weight takes off the loss, at the saves. */
  readonly drops: readonly (readonly number[])[];
  /**
   * The learning rate below which gradient descent is stable by the curvature of the surrogate, 2 / (s^2 (|A|^2 + |B|^2)
   * lambda), in spectral norms: the least of the weights, at the start and at the end of the training.
   */
  readonly largestRate: number;
}

/** Losses that are kept of a training. */
const SAVES = 80;

/**
 * The training of a config on the weights of some statistics.
 * @param field that its ranks are given in (default: `ranks`)
 * @throws InputError for what the optimizer does not take, ranks that a weight does not have, and starts that are not there
 */
export function training(config: ForecastConfig, { weights }: Statistics, field = 'ranks'): Training {
  const { optimizer, lr, steps, ranks, schedule, warmup, momentum, decay } = config;
  for (const { name, gradient } of weights)
    for (const rank of ranks)
      if (rank > Math.min(gradient.rows, gradient.cols))
        throw new InputError(
          field,
          rank,
          `at most ${Math.min(gradient.rows, gradient.cols)}, the smaller side of ${name}`,
        );
  if (new Set(ranks).size !== ranks.length) throw new InputError('ranks', ranks, 'a list without repeats');
  const method = methodOf(optimizer === 'adamw' ? 'adamw' : 'gd-simultaneous', {
    ...{ step: lr, schedule, warmup, momentum },
  });
  const flow = flowUnder(
    method,
    flowOf('gradient', optimizer === 'adamw' ? { decay } : { coupledDecay: decay }),
  );
  const every = Math.max(1, Math.round(steps / SAVES));
  const saves = Array.from({ length: Math.floor(steps / every) }, (_, i) => (i + 1) * every);
  if (saves.at(-1) !== steps) saves.push(steps);
  if (config.starts !== undefined && config.trials !== undefined)
    throw new InputError('trials', config.trials, 'left out with starts, of which each rank has one');
  const file = config.starts === undefined ? null : readSafetensors(config.starts);
  const kaiming = initialization('kaiming');
  const inFile = weights.map(
    ({ name, gradient: { rows, cols } }) =>
      new Map(file ? ranks.map((rank) => [rank, startIn(config.starts!, file, name, rank, rows, cols)]) : []),
  );
  return {
    ...{ config, method, flow, saves, trials: file ? 1 : (config.trials ?? TRIALS) },
    start: (weight, rank) => inFile[weight]!.get(rank) ?? kaiming,
  };
}

/** What a training does to one weight, at one rank from one start. */
export interface TrainedWeight extends Pick<Trained, 'rank' | 'trial' | 'largestRate'> {
  readonly outcome: Outcome;
  /** How much it takes off the loss, at the saves. */
  readonly drops: readonly number[];
}

/** The start of a weight at a rank, from a file. */
function startIn(
  path: string,
  file: Safetensors,
  name: string,
  rank: number,
  n: number,
  m: number,
): Initialization {
  const tensor = [`${name}.A0.r${rank}`, `A0.r${rank}`].find((each) => file.tensors.has(each));
  if (tensor === undefined)
    throw new InputError(path, `no tensor A0.r${rank} or ${name}.A0.r${rank}`, 'a start for each rank');
  const { shape, data } = file.get(tensor);
  if (shape.length !== 2 || shape[0] !== rank || shape[1] !== m)
    throw new InputError(path, `shape [${shape.join(', ')}] (tensor ${tensor})`, `[${rank}, ${m}]`);
  if (!data.every((entry) => Number.isFinite(Math.fround(entry))))
    throw new InputError(path, `an entry beyond float32 (tensor ${tensor})`, 'finite in float32');
  return fromAdapters(tensor, [{ loraA: dense(rank, m, data), loraB: dense(n, rank) }]);
}

/**
 * All ranks and starts of a training on a surrogate, rank by rank.
 * @param done hears of each adapter that is trained
 */
export async function train(
  plan: Training,
  surrogate: Surrogate,
  device: Device,
  done?: () => void,
): Promise<Trained[]> {
  const perWeight: TrainedWeight[][] = [];
  for (const weight of surrogate.problems.keys())
    perWeight.push(await trainWeight(plan, surrogate, weight, plan.config.ranks, device, done));
  return together(plan, surrogate, perWeight);
}

/**
 * Some ranks of one weight, from all starts, rank by rank. What one comes to does not depend on the others.
 * @param weight its number
 * @param done hears of each adapter that is trained
 */
export async function trainWeight(
  { config, method, flow, saves, trials, start }: Training,
  { problems, sharpness }: Surrogate,
  weight: number,
  ranks: readonly number[],
  device: Device,
  done: () => void = () => undefined,
): Promise<TrainedWeight[]> {
  const { lr, seed } = config;
  const problem = problems[weight]!;
  const members = ranks.flatMap((rank) => {
    const coefficients = coefficientsOf(config, rank);
    // Starts of different weights are independent, as those of different draws of a target are.
    const law = { problem, rank, coefficients, flow, draw: weight, initialization: start(weight, rank) };
    return membersOf(law, 0, trials, seed);
  });
  const options = {
    ...solveOptions({ method, stop: stopOf(saves, lr) }, config, device),
    detail: 'loss' as const,
  };
  const solved: Solved[] = [];
  for await (const one of solve({ problem, members }, options)) {
    solved[members.indexOf(one.member)] = one;
    done();
  }
  return solved.map(({ member, saved, outcome, factors }) => ({
    ...{ rank: member.rank, trial: member.trial, outcome },
    drops: saved.map((point) => problem.initialLoss! - (point?.loss ?? NaN)),
    largestRate: Math.min(
      ...[member.initial(), factors].map(
        (at) => 2 / (sizeOf(at, member.coefficients.scale, flow) * sharpness[weight]!),
      ),
    ),
  }));
}

/** The ways in which the adapters of a training are trained on a device, each once. @throws InputError if one cannot be had */
export function waysOf(
  { config, method, flow, saves }: Training,
  { problems }: Surrogate,
  device: Device,
): Way[] {
  const stop = stopOf(saves, config.lr);
  const ways = problems.flatMap((problem) =>
    config.ranks.map((rank) => {
      const coefficients = coefficientsOf(config, rank);
      const options = { ...solveOptions({ method, stop }, config, device), stop };
      return wayOf(problem, rank, options, [clock(coefficients, flow)], [motionOf(coefficients, flow)]);
    }),
  );
  return eachOnce(ways);
}

const coefficientsOf = ({ scaling, alpha }: ForecastConfig, rank: number): Coefficients => ({
  ...{ scale: scaleOf(scaling, alpha, rank), lrRatioA: 1, lrRatioB: 1 },
});

const stopOf = (saves: readonly number[], lr: number): StopRule => ({
  ...{ saveTimes: saves.map((step) => step * lr), steadyTolerance: null, maxSteps: saves.at(-1)! + 1 },
});

/** The trainings of all weights, each of every rank and start in any order, as one of all together. */
export function together(
  { config, saves, trials }: Training,
  { problems }: Surrogate,
  perWeight: readonly (readonly TrainedWeight[])[],
): Trained[] {
  const [{ initialLoss }] = problems as readonly [Surrogate['problems'][number]];
  return config.ranks.flatMap((rank) =>
    Array.from({ length: trials }, (_, trial) => {
      const parts = perWeight.map((each) => each.find((one) => one.rank === rank && one.trial === trial)!);
      return {
        ...{ rank, trial },
        losses: saves.map((_, i) => parts.reduce((loss, { drops }) => loss - drops[i]!, initialLoss!)),
        outcomes: parts.map(({ outcome }) => outcome),
        drops: parts.map(({ drops }) => drops),
        largestRate: Math.min(...parts.map((part) => part.largestRate)),
      };
    }),
  );
}

/** s^2 (|A|^2 + |B|^2) in spectral norms, from factors as a flow has them. */
function sizeOf({ x, y }: Factors, scale: number, flow: Flow): number {
  const { a, b } = normalizationOf({ scale, lrRatioA: 1, lrRatioB: 1 }, flow);
  const [normX, normY] = [x, y].map((z) => Math.sqrt(updateSingularValues({ x: z, y: z })[0]!));
  return scale ** 2 * ((a * normY!) ** 2 + (b * normX!) ** 2);
}

export const failed = ({ outcomes }: Trained): boolean => !outcomes.every(succeeded);

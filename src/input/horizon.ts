/**
 * How long trajectories are followed, by which method, and when they are saved: what the config says, else what the
 * rate of their own problem asks for.
 */
import { flow, type Decay, type Flow } from '../flow/flow.js';
import { clock } from '../flow/normalization.js';
import { InputError } from '../host/inputError.js';
import { isOptimizerName, method, methodFor, type MethodName } from '../method/methods.js';
import { flowUnder, type Method } from '../method/method.js';
import type { Precision } from '../numbers/precision.js';
import type { StopRule } from '../method/track.js';
import type { HorizonConfig } from './fields.js';
import type { Start } from './start.js';

export interface Horizon {
  readonly method: Method;
  readonly methodName: MethodName;
  readonly stop: StopRule;
}

/** Steady-state tolerance when none is given. */
const DEFAULT_STEADY = 1e-4;
/** Values of the config keys whose flag may be given without one. */
export const bareFlags = { steady: DEFAULT_STEADY } as const;
const DEFAULT_SAVES = 32;
/** Time, in units of the fastest growth of a cell, when none is given. */
const DEFAULT_HORIZON = 400;

/** A config with the seed of what is drawn and the precision of states (default: float32). */
interface Seeded {
  readonly seed: number;
  readonly precision?: Precision | undefined;
}

/** The name of the method of a config at a horizon. */
const nameAt = ({ method: name, rtol, precision }: HorizonConfig & Seeded, horizon: number): MethodName =>
  name === 'auto' ? methodFor(horizon, rtol, precision) : name;

/** The method of a config; of auto, which has only flows followed, the one of short horizons. @throws InputError */
const methodOf = (config: HorizonConfig & Seeded): Method => method(nameAt(config, 0), config);

/**
 * The flow that a config names, as its method advances it.
 * @throws InputError if there is no such flow, or the method has a rule of its own
 */
export const flowIn = (config: HorizonConfig & Seeded & Decay, name: string): Flow =>
  flowUnder(methodOf(config), flow(name, config));

/**
 * The horizon at a rate: the fastest growth of a problem, in time t. The same rate gives the same object.
 * @throws InputError for options that the method does not take; from the function, for times that it cannot stop at
 */
export function horizons(config: HorizonConfig & Seeded): (rate: number) => Horizon {
  methodOf(config);
  if (config.batch !== undefined && typeof config.steady === 'number')
    throw new InputError(
      'steady',
      config.steady,
      'left out with batch: gradients of minibatches do not come to rest',
    );
  if (config.batch !== undefined && config.time === undefined)
    throw new InputError(
      'time',
      config.time,
      'given with batch: gradients of minibatches do not come to rest',
    );
  if (config.time === undefined && config.method !== 'auto' && isOptimizerName(config.method))
    throw new InputError(
      'time',
      config.time,
      `given: ${config.method} has no rate of its own; its time is its steps times ${config.step}`,
    );
  const byRate = new Map<number, Horizon>();
  return (rate) => {
    const same = byRate.get(rate);
    if (same) return same;
    const span = config.time ?? DEFAULT_HORIZON / (rate || 1);
    const methodName = nameAt(config, span * rate);
    const stepping = method(methodName, config);
    const horizon = { method: stepping, methodName, stop: stopRule(config, methodName, stepping, span) };
    byRate.set(rate, horizon);
    return horizon;
  };
}

/**
 * The rate that a start's horizon is counted in, by time t: of the fastest growth along the gradient flow, of W itself
 * along the scaled and projected ones; along spectral and sign ones, which arrive in finite time, 40 over the time in
 * which the largest mode arrives from small factors.
 */
export function paceOf({ problem, coefficients, flow }: Start): number {
  const { scale: s, lrRatioA, lrRatioB } = coefficients;
  switch (flow.rule) {
    case 'gradient':
      return problem.rate * clock(coefficients);
    case 'scaled':
      return s * s * (lrRatioA + lrRatioB);
    case 'projected':
      return 1;
    case 'spectral':
    case 'sign':
      return 40 * Math.sqrt((s * (lrRatioA || 1) * (lrRatioB || 1)) / (problem.rate || 1));
  }
}

/** The whole number of steps nearest to a time, one at least; the time itself of methods that cut their steps. */
function inSteps({ control }: Method, time: number): number {
  return control.kind === 'fixed' ? Math.max(1, Math.round(time / control.step)) * control.step : time;
}

/** At most `count` save times, evenly spaced in their logarithms over three decades up to the end, in whole steps. */
export function spreadSaveTimes(stepping: Method, end: number, count: number): number[] {
  const times = Array.from({ length: count }, (_, i) =>
    Math.min(end, inSteps(stepping, end * 10 ** ((3 * (i + 1)) / count - 3))),
  );
  return [...new Set(times)];
}

/** What the horizons of all ensembles of a run have in common, as a config says it. */
export function sharedHorizon(horizons: readonly Horizon[]): Partial<HorizonConfig> {
  const [{ methodName, stop }] = horizons as readonly [Horizon, ...Horizon[]];
  const isSame = (part: (horizon: Horizon) => unknown) =>
    new Set(horizons.map((horizon) => JSON.stringify(part(horizon)))).size === 1;
  return {
    steady: stop.steadyTolerance,
    ...(isSame((horizon) => horizon.methodName) && { method: methodName }),
    ...(isSame((horizon) => horizon.stop.saveTimes) && {
      time: stop.saveTimes.at(-1)!,
      saveTimes: [...stop.saveTimes],
    }),
  };
}

/** Save times and steady-state tolerance, from the config and the time that trajectories are to be followed for. */
function stopRule(config: HorizonConfig, methodName: MethodName, stepping: Method, span: number): StopRule {
  const step = stepping.control.kind === 'fixed' ? stepping.control.step : null;
  const time = config.time ?? inSteps(stepping, span);
  const times = config.saveTimes ?? spreadSaveTimes(stepping, time, DEFAULT_SAVES);
  const saveTimes = [...new Set([...times, time])].sort((a, b) => a - b);
  for (const saved of saveTimes) {
    if (saved > time) throw new InputError('saveTimes', saved, `at most the end time ${time}`);
    if (step !== null && Math.abs(saved / step - Math.round(saved / step)) > 1e-6) {
      throw new InputError(
        saved === time ? 'time' : 'saveTimes',
        saved,
        `a whole multiple of the step ${step}, which ${methodName} does not cut`,
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

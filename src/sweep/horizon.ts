/**
 * How long trajectories are followed, by which method, and when they are saved: what the config says, else what the rate
 * of their own problem asks for.
 */
import { InputError } from '../host/inputError.js';
import { method, methodFor, type MethodName } from '../method/methods.js';
import type { Method } from '../method/method.js';
import type { StopRule } from '../method/track.js';
import type { SweepConfig } from './config.js';

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

/**
 * The horizon at a rate: the fastest growth of a problem, in time t. The same rate gives the same object.
 * @throws InputError from the function, for times that the method cannot stop at
 */
export function horizons(config: SweepConfig): (rate: number) => Horizon {
  const made = new Map<number, Horizon>();
  return (rate) => {
    const known = made.get(rate);
    if (known) return known;
    const span = config.time ?? DEFAULT_HORIZON / (rate || 1);
    const methodName = config.method === 'auto' ? methodFor(span * rate) : config.method;
    const stepping = method(methodName, config);
    const horizon = { method: stepping, methodName, stop: stopRule(config, methodName, stepping, span) };
    made.set(rate, horizon);
    return horizon;
  };
}

/** Save times and steady-state tolerance, from the config and the time that trajectories are to be followed for. */
function stopRule(config: SweepConfig, methodName: MethodName, stepping: Method, span: number): StopRule {
  const step = stepping.control.kind === 'fixed' ? stepping.control.step : null;
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

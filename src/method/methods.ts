/** The methods that have a name, each registered once: names, options, messages and help follow from here. */
import { InputError } from '../host/inputError.js';
import type { Precision } from '../numbers/precision.js';
import type { Control } from './control.js';
import type { Method } from './method.js';
import { minibatches } from './minibatch.js';
import { isOptimizer, type Scheme } from './schemes.js';
import { isConstant, schedule, type ScheduleName } from './schedule.js';
import { adamw } from './schemes/adamw.js';
import { chebyshev, mostStages } from './schemes/chebyshev.js';
import { gradientDescent, type UpdateOrder } from './schemes/gradientDescent.js';
import { momentum } from './schemes/momentum.js';
import { muon } from './schemes/muon.js';
import { rungeKutta } from './schemes/rungeKutta.js';
import { tableaus } from './tableaus.js';

/** Relative tolerance where none is set. */
export const DEFAULT_RTOL = 1e-5;

/** Least relative tolerance: below it rounding of the state is all that an error estimate sees. */
export const LEAST_RTOL = { float32: 1e-7, float64: 1e-12 } as const;

/** Options of gradient descent and other optimizers. */
const descentOptions = ['momentum', 'schedule', 'warmup', 'batch'] as const;
type DescentOption = (typeof descentOptions)[number];

interface NamedMethod {
  readonly control: Control['kind'];
  /**
   * By how much its estimates exceed its errors where those of dopri5, which are of the same kind, do not: tolerances are
   * multiplied by it, so that methods err alike at the same tolerances (default: 1).
   */
  readonly overestimates?: number;
  /** Options that it takes beside the step or the tolerances. */
  readonly takes?: readonly DescentOption[];
  /** @param rtol relative tolerance of a control by error */
  scheme(rtol: number, options: MethodOptions): Scheme;
  /** The method in a few words: its kind and when to use it. */
  readonly about: string;
}

const descent =
  (order: UpdateOrder) =>
  (_: number, { momentum: mu = 0 }: MethodOptions): Scheme =>
    mu === 0 ? gradientDescent(order) : momentum(order, mu);

const methods = {
  /**
   * Sommeijer, Shampine and Verwer 1998 (schemes/chebyshev.ts): for long horizons, where stability limits other steps.
   */
  rkc2: {
    control: 'error',
    scheme: (rtol) => chebyshev(mostStages(rtol)),
    about: 'stabilized, of order 2, for long horizons',
  },
  /** Dormand and Prince 1980: the one to begin with. */
  dopri5: {
    control: 'error',
    scheme: () => rungeKutta(tableaus.dopri5),
    about: 'pair 5(4), for short horizons',
  },
  /** Tsitouras 2011: where dopri5 is, with a smaller error in steps of the same size and cost. */
  tsit5: {
    control: 'error',
    scheme: () => rungeKutta(tableaus.tsit5),
    about: 'pair 5(4), as dopri5 with smaller errors in equal steps',
  },
  /**
   * Sharp and Verner 1994: about two thirds of the evaluations of dopri5 at equal errors, and weights that add no rounding
   * in float32. What its estimate, of order 5, overstates was measured (`npm run bench -- --only evaluations`).
   */
  sharpverner6: {
    control: 'error',
    overestimates: 30,
    scheme: () => rungeKutta(tableaus.sharpverner6),
    about: 'pair 6(5), with the fewest evaluations in float32 over short horizons',
  },
  /**
   * Dormand and Prince, in Hairer, Norsett and Wanner 1993: for errors below those that float32 can have. Its weights, of
   * both signs and 13 together, multiply rounding, so that in float32 it does not get below 1e-6.
   */
  dop853: {
    control: 'error',
    overestimates: 10,
    scheme: () => rungeKutta(tableaus.dop853),
    about: 'of order 8, for tight tolerances in float64',
  },
  /** Bogacki and Shampine 1989: fewer evaluations than dopri5 at tolerances from about 1e-3 on. */
  bosh3: {
    control: 'error',
    scheme: () => rungeKutta(tableaus.bosh3),
    about: 'pair 3(2), for loose tolerances',
  },
  /** Kutta 1901: steps of one size, for what is compared step by step. */
  rk4: { control: 'fixed', scheme: () => rungeKutta(tableaus.rk4), about: 'of order 4' },
  /** Both factors along the gradient at the start of the step: gradient descent as it is run in training. */
  'gd-simultaneous': {
    control: 'fixed',
    takes: descentOptions,
    scheme: descent('simultaneous'),
    about: 'gradient descent, both factors at once',
  },
  /** A first, then B along the gradient at the new A: alternating descent. */
  'gd-a-then-b': {
    control: 'fixed',
    takes: descentOptions,
    scheme: descent('a-then-b'),
    about: 'gradient descent, A first',
  },
  /** B first, then A along the gradient at the new B: alternating descent. */
  'gd-b-then-a': {
    control: 'fixed',
    takes: descentOptions,
    scheme: descent('b-then-a'),
    about: 'gradient descent, B first',
  },
  /** Loshchilov and Hutter 2019, as torch.optim.AdamW has it. */
  adamw: {
    control: 'fixed',
    takes: ['schedule', 'warmup', 'batch'],
    scheme: () => adamw(),
    about: "AdamW, PyTorch's, with betas 0.9, 0.999",
  },
  /** Jordan et al. 2024, as torch.optim.Muon has it. */
  muon: {
    control: 'fixed',
    takes: descentOptions,
    scheme: (_, { momentum }) => muon(momentum),
    about: "Muon, PyTorch's",
  },
} as const satisfies Record<string, NamedMethod>;

export type MethodName = keyof typeof methods;

export const methodNames = Object.keys(methods) as readonly MethodName[];

const takes = (name: MethodName) => (methods[name] as NamedMethod).takes ?? [];

/** Whether the method of that name is an optimizer as it stands, which follows no flow however small its steps. */
export const isOptimizerName = (name: MethodName): boolean =>
  isOptimizer((methods[name] as NamedMethod).scheme(DEFAULT_RTOL, {}));

/** Whether the method of that name chooses its steps by their error. */
export const isAdaptive = (name: MethodName): boolean => methods[name].control === 'error';

export const adaptiveNames = methodNames.filter(isAdaptive);

/** Names of the methods whose steps are of one size. */
export const fixedNames = methodNames.filter((name) => !isAdaptive(name));

/** Names of the methods that follow a flow as their steps shrink, without a schedule and momentum. */
export const flowMethodNames = methodNames.filter((name) => !isOptimizerName(name));

/** Names of those of them whose steps are of one size. */
export const fixedFlowNames = flowMethodNames.filter((name) => !isAdaptive(name));

/** Names of the methods that take an option of descent. */
export const namesTaking = (option: DescentOption): MethodName[] =>
  methodNames.filter((name) => takes(name).includes(option));

/** What the method of that name is and when to use it, in a few words. */
export const aboutMethod = (name: MethodName): string => methods[name].about;

/** Largest rate of the flow times the time it is followed for, from which stability and not accuracy limits dopri5. */
const LONG_HORIZON = 500;
/** The same from which rkc2 pays at rtol 1e-6; below, it grows as the steps of an error of order 3 do. */
const TIGHT_HORIZON = 340;

/** From which horizon on rkc2 is the method: in float32 from none below 1e-6, which rounding keeps it from. */
const longHorizon = (rtol: number, precision: Precision): number =>
  precision === 'float32' && rtol < 1e-6
    ? Infinity
    : Math.max(LONG_HORIZON, TIGHT_HORIZON * Math.cbrt(1e-6 / rtol));

/**
 * The method for trajectories of that largest rate times time. On the Frobenius loss (sigma_i = i^-1/2, n = 384, r =
 * 16, rtol 1e-5) rkc2 needs 1.5, 1.0, 0.4 and 0.2 times the evaluations of dopri5 at 20, 100, 500 and 2000; at 20, 100 and
 * 500 sharpverner6 needs 0.75, 0.80 and 0.93 times those of dopri5 at 1e-6, and dop853 0.51, 0.60 and 0.74 at 1e-8
 * (`npm run bench -- --only method-choice`).
 * @param rtol relative tolerance (default: 1e-5)
 * @param precision of the states (default: float32)
 */
export function methodFor(
  horizon: number,
  rtol = DEFAULT_RTOL,
  precision: Precision = 'float32',
): MethodName {
  if (horizon > longHorizon(rtol, precision)) return 'rkc2';
  return rtol < LEAST_RTOL.float32 ? 'dop853' : rtol < DEFAULT_RTOL ? 'sharpverner6' : 'dopri5';
}

export interface MethodOptions {
  /** Step size of fixed-step methods, in time t; for gradient descent and optimizers, the learning rate. */
  readonly step?: number | undefined;
  /** Of gradient descent: PyTorch's (default: 0); of muon Nesterov's (default: 0.95). Below 1. */
  readonly momentum?: number | undefined;
  /** How the learning rate goes on from step to step (schedule.ts; default: constant). */
  readonly schedule?: ScheduleName | undefined;
  /** Steps over which the learning rate rises from 0 (default: 0). */
  readonly warmup?: number | undefined;
  /** Samples of which each step takes the mean gradient, on a loss over samples (minibatch.ts; default: all). */
  readonly batch?: number | undefined;
  /** Seed of minibatches (default: 0). */
  readonly seed?: number | undefined;
  /** Local error tolerances of adaptive methods, relative and absolute, of the norm of the normalized factors. */
  readonly rtol?: number | undefined;
  readonly atol?: number | undefined;
  /** Precision of the states, which bounds `rtol` (default: float32). */
  readonly precision?: Precision | undefined;
}

/** Largest relative tolerance. */
const MOST_RTOL = 0.1;

/**
 * The method of that name. Adaptive methods take `rtol` (default 1e-5; from 1e-7 on in float32, 1e-12 in float64) and
 * `atol` (default 1e-9, or 1e-4 rtol where float32 has no such rtol); the others `step`, and gradient descent and
 * optimizers `schedule`, `warmup` and `batch` with its `seed`, and but for adamw `momentum`.
 * @throws InputError if a needed option is missing or out of range, or one is given that the method does not take
 */
export function method(name: MethodName, options: MethodOptions = {}): Method {
  const adaptive = isAdaptive(name);
  const unused = descentOptions.filter((option) => !takes(name).includes(option));
  for (const field of [...(adaptive ? (['step'] as const) : (['rtol', 'atol'] as const)), ...unused])
    if (options[field] !== undefined)
      throw new InputError(field, options[field], `left out: ${name} does not use it`);
  const { scheme, overestimates = 1 }: NamedMethod = methods[name];
  const control = adaptive ? errorControl(options, overestimates) : fixedControl(name, options);
  return {
    scheme: scheme(control.kind === 'error' ? control.rtol : 0, options),
    control,
    ...(options.batch !== undefined && { minibatches: minibatches(options.batch, options.seed) }),
  };
}

function errorControl(
  { rtol = DEFAULT_RTOL, atol, precision = 'float32' }: MethodOptions,
  overestimates: number,
): Control {
  const least = LEAST_RTOL[precision];
  if (!(rtol >= least && rtol <= MOST_RTOL)) {
    const finer = precision === 'float32' && rtol >= LEAST_RTOL.float64;
    const hint = finer
      ? ` in float32 (from ${LEAST_RTOL.float64} with precision float64)`
      : ` in ${precision}`;
    throw new InputError('rtol', rtol, `between ${least} and ${MOST_RTOL}${hint}`);
  }
  const absolute = atol ?? (rtol < LEAST_RTOL.float32 ? 1e-4 * rtol : 1e-9);
  if (!(absolute >= 0 && absolute < Infinity))
    throw new InputError('atol', absolute, 'a finite number, not negative');
  return {
    kind: 'error',
    rtol: Math.min(MOST_RTOL, overestimates * rtol),
    atol: overestimates * absolute,
  };
}

function fixedControl(name: MethodName, { step, ...options }: MethodOptions): Control {
  if (step === undefined) throw new InputError('step', step, `given: ${name} takes steps of a fixed size`);
  if (!(step > 0 && step < Infinity)) throw new InputError('step', step, 'a positive number');
  const scheduled = schedule(options.schedule ?? 'constant', options.warmup);
  return { kind: 'fixed', step, ...(isConstant(scheduled) ? {} : { schedule: scheduled }) };
}

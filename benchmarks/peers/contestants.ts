/** Who takes part: their programs, and in which problems and how they are told to be accurate. */
import type { MethodName } from '../../src/method/methods.js';
import type { PeerProblem } from './problems.js';
import type { Accuracy, DeviceKind } from './protocol.js';

export interface Contestant {
  readonly name: string;
  /** The bars that it counts for. */
  readonly family: 'rankflow' | 'jax' | 'diffrax' | 'other';
  /** The program in the folder contestants/ and its words; rankflow has its own. */
  readonly program: readonly string[] | null;
  /** Of rankflow: the method that it takes to a tolerance. */
  readonly method?: MethodName;
  /** What its accuracy follows from. */
  readonly accuracy: 'step' | 'rtol';
  readonly devices: readonly DeviceKind[];
  /** Most trajectories that it takes, if not all of them. */
  readonly most?: number;
  /** Part in problems in which all choose their method: in such alone, or also, or not at all. */
  readonly free: 'only' | 'also' | 'no';
}

const both = ['cpu', 'gpu'] as const;

/**
 * rankflow by the steps of the problem or, where all choose their method, by the stabilized one at the tolerance of the
 * problem.
 */
export const rankflow: Contestant = {
  ...{ name: 'rankflow', family: 'rankflow', program: null, accuracy: 'step', devices: both, free: 'also' },
};

/** rankflow by a pair, for peers that choose their steps where rankflow is given its own. */
const adaptive = (method: MethodName): Contestant => ({
  ...rankflow,
  ...{ name: `rankflow ${method}`, method, accuracy: 'rtol', free: 'no' },
});

const diffrax = (solver: string, free: Contestant['free']): Contestant => ({
  ...{
    name: `diffrax ${solver}`,
    family: 'diffrax',
    program: ['diffrax_flow.py', solver],
    devices: both,
    free,
  },
  accuracy: solver === 'RK4' ? 'step' : 'rtol',
});

const torchdiffeq = (solver: string, free: Contestant['free']): Contestant => ({
  ...{ name: `torchdiffeq ${solver}`, family: 'other', program: ['torchdiffeq_flow.py', solver] },
  ...{ accuracy: solver === 'rk4' ? 'step' : 'rtol', devices: both, free },
});

const jax = (variant: 'plain' | 'tuned', free: Contestant['free']): Contestant => ({
  ...{ name: `JAX RK4, ${variant}`, family: 'jax', program: ['jax_rk4.py', variant], accuracy: 'step' },
  ...{ devices: both, free },
});

/**
 * All; rankflow first, whose error is that of the others, then its best pair, beside which those are set that choose their
 * steps.
 */
export const contestants: readonly Contestant[] = [
  rankflow,
  adaptive('sharpverner6'),
  adaptive('dopri5'),
  jax('plain', 'no'),
  jax('tuned', 'also'),
  diffrax('RK4', 'also'),
  diffrax('Tsit5', 'also'),
  diffrax('Bosh3', 'only'),
  diffrax('Dopri8', 'also'),
  {
    ...{ name: 'torch.compile RK4', family: 'other', program: ['torch_rk4.py'], accuracy: 'step' },
    ...{ devices: both, free: 'also' },
  },
  torchdiffeq('rk4', 'no'),
  torchdiffeq('dopri5', 'only'),
  {
    ...{ name: 'NumPy RK4', family: 'other', program: ['numpy_rk4.py'], accuracy: 'step' },
    ...{ devices: ['cpu'], free: 'no' },
  },
  {
    ...{ name: 'SciPy RK45', family: 'other', program: ['scipy_ivp.py'], accuracy: 'rtol' },
    ...{ devices: ['cpu'], most: 1, free: 'also' },
  },
];

export const takesPart = ({ devices, free }: Contestant, { integration }: PeerProblem, device: DeviceKind) =>
  devices.includes(device) && free !== (integration.kind === 'free' ? 'no' : 'only');

const STEPS = [1.2, 1, 0.8, 0.5, 0.25, 0.1];
const TOLERANCES = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

/**
 * Accuracies to try, loosest first, none looser than the tolerance of rankflow if it has one. Where the problem fixes
 * the step, contestants who take steps have nothing to choose.
 */
export function accuraciesOf(
  { family, accuracy }: Contestant,
  { integration }: PeerProblem,
): readonly Accuracy[] {
  if (family === 'rankflow' && accuracy === 'step' && integration.kind === 'free')
    return [{ step: null, rtol: integration.rtol }];
  const loosest = integration.kind === 'free' ? integration.rtol : Infinity;
  if (accuracy === 'rtol')
    return TOLERANCES.filter((rtol) => rtol <= loosest).map((rtol) => ({ step: null, rtol }));
  const steps = integration.kind === 'rk4' ? [integration.step] : STEPS;
  return steps.map((step) => ({ step, rtol: null }));
}

/**
 * Which way trajectories are computed: by a fused kernel where the backend has one for them, else by tensor operations, on
 * their coordinates in Krylov spaces where a dense target is large and ranks are few.
 */
import { gradientMotion, isDescentAndDecay, wordsOf, type Motion } from '../flow/motion.js';
import type { Precision } from '../numbers/precision.js';
import { InputError } from '../host/inputError.js';
import { followsFlow, methodInWords, type Method } from '../method/method.js';
import type { StopRule } from '../method/track.js';
import type { Problem } from '../problem/problem.js';
import type { Structure } from '../problem/structure.js';
import type { Device } from './device.js';
import type { Path } from './paths.js';

/** The path and precision that a caller asks for; 'auto' takes the fused kernel if there is one. */
export interface PathChoice {
  readonly kernel?: Path | 'auto';
  /** Precision of states and steps (default: float32). float64 is for fused kernels on the processor. */
  readonly precision?: Precision;
}

/** A path, and why it is not the fused one; null if it is, or was not to be. */
export interface Way {
  readonly path: Path;
  readonly reason: string | null;
}

/** Ways, without those that were there before. */
export const eachOnce = (ways: readonly Way[]): Way[] =>
  ways.filter(
    (way, i) => ways.findIndex(({ path, reason }) => path === way.path && reason === way.reason) === i,
  );

/** Entries of a dense target from which products with all trajectories of a chunk at once pay. */
const SHARED_FROM = 2 ** 20;

/** Whether tensor operations multiply a structure's matrix by all trajectories of a chunk at once, rather than by each. */
export const sharesProducts = (structure: Structure): boolean =>
  structure.kind === 'quadratic' && structure.error.data.length >= SHARED_FROM;

/** Largest share of the smaller side that ranks may be for a Krylov space to be worth its making. */
const SHARE_OF_SPACE = 1 / 40;

/** Why a trajectory is not followed in the Krylov space of its start, in words; null if it can be. */
function withoutSpace(
  { structure, loss, n, m }: Pick<Problem, 'structure' | 'loss' | 'n' | 'm'>,
  rank: number,
  { precision, method }: { readonly precision: Precision; readonly method: Method },
  motions: readonly Motion[],
): string | null {
  if (structure.kind !== 'quadratic' || structure.covariance)
    return `Krylov spaces are for the frobenius loss of a target that is not decomposed (under noise, with sides from 1,024 on), not for ${loss.name} here`;
  const unmoved = motions.find((motion) => !isDescentAndDecay(motion));
  if (unmoved) return `Krylov spaces are for the gradient flow, not for ${wordsOf(unmoved)}`;
  if (!followsFlow(method)) return `Krylov spaces are for flows, not for ${methodInWords(method)}`;
  if (precision !== 'float32') return 'in Krylov spaces states are in float32';
  const most = Math.floor(SHARE_OF_SPACE * Math.min(n, m));
  return rank > most ? `Krylov spaces are for ranks up to ${most} of a ${n} x ${m} target` : null;
}

/** Circumstances that decide the path of trajectories, beside the problem and the rank. */
export interface WayOptions extends PathChoice {
  readonly method: Method;
  readonly stop: StopRule;
  readonly device: Pick<Device, 'info' | 'kernel'>;
}

/**
 * The way in which trajectories of a problem and a rank are computed on a device.
 * @param clocks their normalized times per unit of time t, or the least and the largest (default: 1)
 * @param motions under which they are (default: the gradient flow's)
 * @throws InputError if what is asked for cannot be had there
 */
export function wayOf(
  { structure, loss, n, m }: Pick<Problem, 'structure' | 'loss' | 'n' | 'm'>,
  rank: number,
  { kernel = 'auto', precision = 'float32', method, stop, device }: WayOptions,
  clocks: readonly number[] = [1],
  motions: readonly Motion[] = [gradientMotion],
): Way {
  const { name: backend } = device.info;
  const fused = device.kernel;
  const unmoved = motions.find((motion) => fused && !fused.moves(motion));
  const noSpace = withoutSpace({ structure, loss, n, m }, rank, { precision, method }, motions);
  if (kernel === 'krylov') {
    if (noSpace !== null) throw new InputError('kernel', kernel, `auto or tensor-ops: ${noSpace}`);
    return { path: 'krylov', reason: null };
  }
  const isLarge =
    kernel === 'auto' && backend === 'wasm' && precision === 'float32' && sharesProducts(structure);
  if (isLarge && noSpace === null)
    return { path: 'krylov', reason: `a ${n} x ${m} target is met in few directions` };
  if (isLarge)
    return { path: 'tensor-ops', reason: `a ${n} x ${m} target is multiplied by all trajectories at once` };
  const reason =
    structure.kind === 'autodiff' || !fused?.kinds.includes(structure.kind)
      ? `${backend} has no fused kernel for ${loss.name}`
      : !fused.precisions.includes(precision)
        ? `${backend} has no fused kernel in ${precision}`
        : unmoved
          ? `${backend} has no fused kernel for ${wordsOf(unmoved)}`
          : !fused.takes(method)
            ? `${backend} has no fused kernel for ${methodInWords(method)}`
            : (clocks
                .map((clock) =>
                  fused.obstacle?.({
                    ...{ structure, n, m, rank, precision, method, stop },
                    ...{ motion: motions[0]!, clocks: [clock] },
                  }),
                )
                .find((obstacle) => obstacle != null) ?? null);
  if (reason === null && kernel !== 'tensor-ops') return { path: 'fused', reason };
  if (kernel === 'fused') throw new InputError('kernel', kernel, `auto or tensor-ops: ${reason}`);
  if (precision === 'float64')
    throw new InputError('precision', precision, `float32: ${reason ?? 'tensor operations are in float32'}`);
  return { path: 'tensor-ops', reason: kernel === 'auto' ? reason : null };
}

/**
 * Starts that are computed, not drawn: from W0, from grad f(W0) or from the covariance of the inputs, each by the name
 * that PEFT or its paper has for it. A start is one file in computedStarts/. Of the signs of singular vectors, which are
 * free, those of `svd` are taken: the first of the largest entries of each left one is positive.
 */
import { InputError } from '../host/inputError.js';
import { scaled, type Dense } from '../numbers/dense.js';
import { svd } from '../numbers/svd.js';
import { leadingOf, type Triples } from '../numbers/triples.js';
import type { Adapter } from './adapter.js';
import { eva } from './computedStarts/eva.js';
import { loraGa, loraGaPaper } from './computedStarts/loraGa.js';
import { loraOne } from './computedStarts/loraOne.js';
import { mica } from './computedStarts/mica.js';
import { olora } from './computedStarts/olora.js';
import { pissa } from './computedStarts/pissa.js';
import { parameterOf, type Parameter } from './parameter.js';

/** What a start is computed from. */
export type StartMatter = 'base' | 'gradient' | 'covariance';

/** The matrices that starts are computed from; of a start, the one that it needs must be there. */
export interface StartMatrices {
  /** W0 [n, m]. */
  readonly base: Dense | null;
  /** The leading `count` singular triples of -grad f(W0) [n, m]. */
  readonly descent: ((count: number) => Triples) | null;
  /** H [m, m], of the inputs. */
  readonly covariance: Dense | null;
  readonly n: number;
  readonly m: number;
}

/** What sets computed starts apart. */
export interface StartTraits<Needs extends StartMatter = StartMatter> {
  readonly needs: Needs;
  /** Whether W0 - s B0 A0 is frozen in the place of W0, so that the model starts as it was. */
  readonly movesBase: boolean;
  /** Whether B is frozen at B0. */
  readonly freezesB: boolean;
}

/** A start as its file states it. */
export interface ComputedForm<Needs extends StartMatter> extends StartTraits<Needs> {
  readonly about: string;
  readonly parameter?: Parameter;
  /** Largest rank of an adapter of W [n, m] (default: min(n, m)). */
  mostRank?(n: number, m: number): number;
  adapter(matrices: MatricesFor<Needs>, rank: number, scale: number, parameter: number): Adapter;
}

type AnyForm = { [Needs in StartMatter]: ComputedForm<Needs> }[StartMatter];

const fields = { base: 'base', gradient: 'descent', covariance: 'covariance' } as const;
type MatricesFor<Needs extends StartMatter> = Pick<StartMatrices, 'n' | 'm'> & {
  readonly [Field in (typeof fields)[Needs]]: NonNullable<StartMatrices[Field]>;
};

const forms = {
  pissa,
  olora,
  'lora-ga': loraGa,
  'lora-ga-paper': loraGaPaper,
  'lora-one': loraOne,
  eva,
  mica,
} as const satisfies Record<string, AnyForm>;

export type ComputedName = keyof typeof forms;

/** A start of that name, with its parameter. */
export interface ComputedStart extends StartTraits {
  /** As the user wrote it, parameter included. */
  readonly name: string;
  /**
   * The adapter of a rank at the scale s.
   * @throws InputError if the matrix that it needs is not there, or no adapter has this rank
   */
  adapter(matrices: StartMatrices, rank: number, scale: number): Adapter;
}

/** Every computed start, with its description. */
export const computedNames = Object.fromEntries(
  Object.entries(forms).map(([name, { about }]) => [name, about]),
) as Readonly<Record<ComputedName, string>>;

/** Whether a `NAME` or `NAME:PARAMETER` names a computed start. */
export const isComputed = (spec: string): boolean => Object.hasOwn(forms, spec.split(':')[0]!);

/**
 * The computed start of a `NAME` or `NAME:PARAMETER`.
 * @throws InputError if there is no such name, it takes no parameter, or the parameter is not from 1e-12 to 1e12
 */
export function computedStart(spec: string): ComputedStart {
  if (!isComputed(spec)) throw new InputError('init', spec, `one of ${Object.keys(forms).join(', ')}`);
  const name = spec.split(':')[0] as ComputedName;
  const form: AnyForm = forms[name];
  const parameter = parameterOf(spec, form.parameter);
  const { needs, movesBase, freezesB } = form;
  return {
    ...{ name: spec, needs, movesBase, freezesB },
    adapter(matrices, rank, scale) {
      const { n, m } = matrices;
      const most = form.mostRank?.(n, m) ?? Math.min(n, m);
      if (rank > most)
        throw new InputError('rank', rank, `at most ${most} for ${name} on a ${n} x ${m} matrix`);
      if (!matrices[fields[needs]]) throw new InputError('init', spec, `used with ${matterNames[needs]}`);
      return form.adapter(matrices as MatricesFor<StartMatter>, rank, scale, parameter(rank));
    },
  };
}

/** What a start is computed from, as a config gives it. */
const matterNames: Readonly<Record<StartMatter, string>> = {
  base: 'a base matrix W0 (base), which it is computed from',
  gradient: 'a loss whose gradient at W0 has singular vectors, which it is computed from',
  covariance:
    'the covariance of the inputs (covariance), which it is computed from, and a loss that takes one (linear-regression)',
};

/** The triples of -grad f(W0), of a gradient [n, m] that a caller has. */
export const descentOf = (gradient: Dense): ((count: number) => Triples) => {
  const triples = svd(scaled(gradient, -1));
  return (count) => leadingOf(triples, count);
};

/** What the wasm kernel reads of a method: the fields of its scheme and of its control, and its coefficients. */
import { assertMethod, carried, evaluationsOf, type Method } from '../../src/method/method.js';
import { isOptimizer, type FlowSchemeKind, type Scheme } from '../../src/method/schemes.js';
import { chebyshevCoefficients } from '../coefficients.js';
import { controlCodes, MOST_TABLEAU_STAGES, partCodes, schemeCodes, type Parameters } from './layout.js';

interface SchemeTable extends Pick<Parameters, 'lead' | 'stages' | 'sharesLast' | 'twoErrors'> {
  readonly coefficients?: Float64Array;
}

type MethodTable = SchemeTable &
  Pick<
    Parameters,
    'scheme' | 'mostStages' | 'evaluations' | 'control' | 'fixedStep' | 'rtol' | 'atol' | 'errorOrder'
  > & {
    /** Whether the direction of a power iteration is kept from call to call. */
    readonly keepsDirection: boolean;
  };

/** The fields of a method in the parameter block, and its coefficients. */
export function methodTable(method: Method): MethodTable {
  assertMethod(method);
  const { scheme, control } = method;
  if (isOptimizer(scheme)) throw new Error(`no scheme of this kernel: ${scheme.kind}`);
  return {
    ...schemeTable(scheme),
    scheme: schemeCodes[scheme.kind],
    mostStages: scheme.mostStages ?? 0,
    evaluations: evaluationsOf(method, 0, false),
    keepsDirection: carried(method).includes('direction'),
    control: controlCodes[control.kind],
    errorOrder: scheme.errorOrder ?? 0,
    fixedStep: 0,
    rtol: 0,
    atol: 0,
    ...(control.kind === 'fixed' ? { fixedStep: control.step } : { rtol: control.rtol, atol: control.atol }),
  };
}

const leads = { simultaneous: partCodes.both, 'a-then-b': partCodes.y, 'b-then-a': partCodes.x } as const;

const tables: { readonly [K in FlowSchemeKind]: (scheme: Scheme<K>) => SchemeTable } = {
  'gradient-descent': ({ order }) => ({ lead: leads[order], stages: 0, sharesLast: 0, twoErrors: 0 }),
  'runge-kutta': ({ tableau: { a, b, sharesLast, errorWeights, lowErrorWeights } }) => {
    const stages = b.length;
    if (stages > MOST_TABLEAU_STAGES) throw new Error(`invalid number of stages: ${stages}`);
    const coefficients = new Float64Array((stages + 2) * stages);
    [...a.slice(1), b, errorWeights ?? [], lowErrorWeights ?? []].forEach((row, i) =>
      coefficients.set(row, i * stages),
    );
    const twoErrors = Number(lowErrorWeights !== null);
    return { lead: 0, stages, sharesLast: Number(sharesLast), twoErrors, coefficients };
  },
  chebyshev: ({ mostStages }) => {
    const coefficients = Float64Array.from(chebyshevCoefficients(mostStages));
    return { lead: 0, stages: 0, sharesLast: 1, twoErrors: 0, coefficients };
  },
};

const schemeTable = <K extends FlowSchemeKind>(scheme: Scheme<K>): SchemeTable => tables[scheme.kind](scheme);

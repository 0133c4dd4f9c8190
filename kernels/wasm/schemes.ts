/** What the wasm kernel reads of a method: the fields of its scheme and of its control, and its coefficients. */
import { assertMethod, estimateOrder, type Method } from '../../src/method/method.js';
import { stagesOf } from '../../src/method/stabilized.js';
import { firstSameAsLast, type Tableau } from '../../src/method/tableau.js';
import { controlCodes, MOST_TABLEAU_STAGES, partCodes, schemeCodes, type Parameters } from './layout.js';

export interface SchemeTable extends Pick<
  Parameters,
  'scheme' | 'lead' | 'stages' | 'sharesLast' | 'mostStages' | 'evaluations'
> {
  readonly coefficients?: Float64Array;
  /** Whether the direction of a power iteration is kept from call to call. */
  readonly keepsDirection: boolean;
}

type ControlTable = Pick<Parameters, 'control' | 'fixedStep' | 'rtol' | 'atol' | 'errorOrder'>;

/** The fields of a method in the parameter block, and its coefficients. */
export const methodTable = (method: Method): SchemeTable & ControlTable => ({
  ...schemeTable(method),
  ...controlTable(method),
});

const leads = { simultaneous: partCodes.both, 'a-then-b': partCodes.y, 'b-then-a': partCodes.x } as const;

const plain = {
  lead: 0,
  stages: 0,
  sharesLast: 1,
  mostStages: 0,
  evaluations: 0,
  keepsDirection: false,
} as const;

function schemeTable(method: Method): SchemeTable {
  switch (method.kind) {
    case 'gradient-descent':
      return {
        ...plain,
        scheme: schemeCodes['gradient-descent'],
        lead: leads[method.order],
        sharesLast: 0,
        evaluations: 1,
      };
    case 'fixed':
      return { ...tableauTable(method.tableau), evaluations: method.tableau.b.length };
    case 'adaptive':
      assertMethod(method);
      return { ...tableauTable(method.tableau), evaluations: method.tableau.b.length - 1 };
    case 'stabilized': {
      const { mostStages } = method;
      const coefficients = Float64Array.from(
        Array.from({ length: mostStages - 1 }, (_, i) => stagesOf(i + 2)).flatMap(({ first, rest }) => [
          first,
          ...rest.flatMap(({ mu, nu, muTilde, gammaTilde }) => [mu, nu, muTilde, gammaTilde]),
        ]),
      );
      return { ...plain, scheme: schemeCodes.chebyshev, mostStages, coefficients, keepsDirection: true };
    }
  }
}

function controlTable(method: Method): ControlTable {
  const none = { fixedStep: 0, rtol: 0, atol: 0, errorOrder: 0 };
  if ('step' in method) return { ...none, control: controlCodes.fixed, fixedStep: method.step };
  const { rtol, atol } = method;
  return { ...none, control: controlCodes.error, rtol, atol, errorOrder: estimateOrder(method) };
}

function tableauTable(tableau: Tableau) {
  const { a, b, embedded } = tableau;
  const stages = b.length;
  if (stages > MOST_TABLEAU_STAGES) throw new Error(`invalid number of stages: ${stages}`);
  const error = embedded ? b.map((weight, i) => weight - embedded.b[i]!) : [];
  const coefficients = new Float64Array((stages + 1) * stages);
  [...a.slice(1), b, error].forEach((row, i) => coefficients.set(row, i * stages));
  const sharesLast = Number(firstSameAsLast(tableau));
  return { ...plain, scheme: schemeCodes['runge-kutta'], stages, sharesLast, coefficients };
}

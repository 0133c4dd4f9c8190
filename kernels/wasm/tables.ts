/** What the wasm kernel is told of structures and methods, as numbers. */
import { transposed, type Dense } from '../../src/numbers/dense.js';
import { multiply } from '../../src/numbers/products.js';
import { assertMethod, estimateOrder, type Method } from '../../src/method/method.js';
import { stagesOf } from '../../src/method/stabilized.js';
import { firstSameAsLast, type Tableau } from '../../src/method/tableau.js';
import type { Structure } from '../../src/problem/structure.js';
import type { AdvanceAttrs } from '../fused.js';

/** Of useMethod and useControl (module.ts). */
export interface MethodTable {
  readonly scheme: number;
  readonly lead: number;
  readonly stages: number;
  readonly sharesLast: boolean;
  readonly estimates: boolean;
  readonly coefficients: Float64Array;
  readonly control: { kind: number; rtol: number; atol: number; order: number; mostStages: number };
  /** Of a step; a stabilized method's own stages are counted instead. */
  readonly evaluations: number;
  /** Step in time t; 0 of adaptive methods. */
  readonly fixedStep: number;
}

/** Parts of a state, as numbered in assembly/flow.ts: X holds B, Y holds A. */
const leads = { simultaneous: 3, 'a-then-b': 2, 'b-then-a': 1 } as const;
const fixed = { kind: 0, rtol: 0, atol: 0, order: 0, mostStages: 0 };

export function methodTable(method: Method): MethodTable {
  const plain = { lead: 0, stages: 0, sharesLast: true, estimates: false, evaluations: 0, fixedStep: 0 };
  switch (method.kind) {
    case 'gradient-descent':
      return {
        ...plain,
        scheme: 0,
        lead: leads[method.order],
        sharesLast: false,
        coefficients: new Float64Array(),
        control: fixed,
        evaluations: 1,
        fixedStep: method.step,
      };
    case 'fixed':
      return {
        ...plain,
        ...tableauTable(method.tableau),
        control: fixed,
        evaluations: method.tableau.b.length,
        fixedStep: method.step,
      };
    case 'adaptive': {
      const { tableau, rtol, atol } = method;
      assertMethod(method);
      const control = { ...fixed, kind: 1, rtol, atol, order: estimateOrder(method) };
      return {
        ...plain,
        ...tableauTable(tableau),
        estimates: true,
        control,
        evaluations: tableau.b.length - 1,
      };
    }
    case 'stabilized': {
      const { rtol, atol, mostStages } = method;
      const coefficients = Float64Array.from(
        Array.from({ length: mostStages - 1 }, (_, i) => stagesOf(i + 2)).flatMap(({ first, rest }) => [
          first,
          ...rest.flatMap(({ mu, nu, muTilde, gammaTilde }) => [mu, nu, muTilde, gammaTilde]),
        ]),
      );
      const control = { kind: 2, rtol, atol, order: estimateOrder(method), mostStages };
      return { ...plain, scheme: 2, estimates: true, coefficients, control };
    }
  }
}

/** Most stages whose slopes are combined at once, with the state. */
export const MOST_TABLEAU_STAGES = 7;

function tableauTable(tableau: Tableau) {
  const { a, b, embedded } = tableau;
  const stages = b.length;
  if (stages > MOST_TABLEAU_STAGES) throw new Error(`invalid number of stages: ${stages}`);
  const error = embedded ? b.map((weight, i) => weight - embedded.b[i]!) : [];
  const coefficients = new Float64Array((stages + 1) * stages);
  [...a.slice(1), b, error].forEach((row, i) => coefficients.set(row, i * stages));
  return { scheme: 1, stages, sharesLast: firstSameAsLast(tableau), coefficients };
}

/** Real numbers of either precision. */
export type Reals = Float32Array | Float64Array;

/** Of useStructure (module.ts). Empty arrays stand for what the structure does not have. */
export interface StructureTable {
  readonly kind: number;
  readonly trace0: number;
  readonly scales: Reals;
  readonly p: Reals;
  readonly pTransposed: Reals;
  readonly covariance: Reals;
}

type Quadratic = Extract<Structure, { kind: 'quadratic' }>;

const products = new WeakMap<Quadratic, Dense>();

/** E H, computed once for a structure. */
function weighted(structure: Quadratic): Dense {
  const { error, covariance } = structure;
  if (!covariance) return error;
  const found = products.get(structure) ?? multiply(error, covariance);
  products.set(structure, found);
  return found;
}

/** @param lanes real numbers in a vector */
export function structureTable({ structure, n, m }: AdvanceAttrs, lanes: 2 | 4): StructureTable {
  const reals = (length: number): Reals =>
    lanes === 4 ? new Float32Array(length) : new Float64Array(length);
  const none = reals(0);
  const rows = (count: number) => 2 * lanes * Math.ceil(count / (2 * lanes));
  const scales = reals(rows(Math.max(n, m)));
  const empty = { trace0: 0, scales, p: none, pTransposed: none, covariance: none };
  /** [blocks][columns][lanes], rows in lanes; rows and columns padded with zeros. */
  const packed = (matrix: Dense): Reals => {
    const out = reals(rows(matrix.rows) * rows(matrix.cols));
    for (let i = 0; i < matrix.rows; i++) {
      const block = Math.floor(i / lanes) * rows(matrix.cols);
      for (let j = 0; j < matrix.cols; j++)
        out[(block + j) * lanes + (i % lanes)] = matrix.data[i * matrix.cols + j]!;
    }
    return out;
  };
  switch (structure.kind) {
    case 'diagonal':
      scales.set(structure.sigma);
      return { ...empty, kind: 0 };
    case 'quadratic': {
      const { covariance } = structure;
      scales.fill(1);
      const p = weighted(structure);
      const h = covariance ? packed(covariance) : none;
      return { ...empty, kind: 1, p: packed(p), pTransposed: packed(transposed(p)), covariance: h };
    }
    case 'trace':
      return { ...empty, kind: 2, trace0: structure.trace0 };
  }
}

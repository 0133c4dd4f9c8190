/**
 * What digests are recorded of: subjects (small sweeps that cover losses, targets, initializations, scalings, methods
 * and outcomes) on engines (backend, path, precision and variant of the fused kernel, in WebAssembly).
 */
import type { FusedChoice } from '../../kernels/wasm/variants.js';

export interface Engine {
  readonly name: string;
  readonly backend: 'cpu' | 'wasm';
  readonly kernel: 'fused' | 'tensor-ops';
  readonly precision: 'float32' | 'float64';
  readonly fusedKernel: FusedChoice;
}

const engine = (
  backend: Engine['backend'],
  kernel: Engine['kernel'],
  precision: Engine['precision'],
  fusedKernel: Engine['fusedKernel'] = backend === 'wasm' ? 'wasm-simd' : 'auto',
): Engine => ({
  name: `${backend}-${kernel}-${precision}${fusedKernel === 'wasm-relaxed-simd' ? '-fma' : ''}`,
  ...{ backend, kernel, precision, fusedKernel },
});

export const engines: readonly Engine[] = [
  engine('cpu', 'fused', 'float64'),
  engine('cpu', 'tensor-ops', 'float32'),
  engine('wasm', 'fused', 'float32'),
  engine('wasm', 'fused', 'float64'),
  engine('wasm', 'tensor-ops', 'float32'),
  engine('wasm', 'fused', 'float32', 'wasm-relaxed-simd'),
  engine('wasm', 'fused', 'float64', 'wasm-relaxed-simd'),
];

export interface Subject {
  readonly name: string;
  /** Flags of `rankflow sweep`. */
  readonly flags: string;
  /** Whether only tensor operations can compute it. */
  readonly tensorOpsOnly?: true;
}

const losses = '--loss frobenius,trace-squared,linear-regression --covariance exp:0.8';
const square = `${losses} --spectrum power:1 --shape 6x6`;
const short = '--trials 2 --time 6 --save-times 0.5,2,6';

/** Methods with the step that they need, if any. */
const methods = [
  ...['dopri5', 'bosh3', 'rkc2', 'rk4 --step 0.1'],
  ...['gd-simultaneous --step 0.1', 'gd-a-then-b --step 0.1', 'gd-b-then-a --step 0.1'],
];

export const initializations: Subject = {
  name: 'initializations',
  flags: `${square} ${short} --ranks 2 --init kaiming,gaussian,gaussian:0.3,orthogonal,spectral,balanced:0.5,small,small:0.05,zero-a`,
};

export const files: Subject = {
  name: 'matrices and adapters in files',
  flags: `--loss frobenius,linear-regression --target target.csv --base base.csv --covariance covariance.csv ${short} --ranks 2 --init kaiming,spectral,pissa,adapter.safetensors`,
};

export const custom: Subject = {
  name: 'custom losses',
  flags: `--loss logCosh.ts,poisson.ts --base base.csv ${short} --ranks 1,2 --init kaiming,balanced:0.5`,
  tensorOpsOnly: true,
};

export const subjects: readonly Subject[] = [
  initializations,
  {
    name: 'random vectors',
    flags: `--loss frobenius,linear-regression --covariance power:0.5 --spectrum exp:0.5 --vectors random --shape 7x5 ${short} --ranks 1,3 --init kaiming,spectral,zero-a --seed 7`,
  },
  {
    name: 'sides and ranks beyond one vector',
    flags: `${losses} --spectrum power:1 --shape 19x19 ${short} --ranks 4,5,9 --init balanced:0.5`,
  },
  files,
  {
    name: 'scalings and learning-rate ratios',
    flags: `${square} ${short} --ranks 1,2,3 --init gaussian:0.3,zero-a --scaling none,lora,rslora --alpha 3 --lr-ratio-a 0.5 --lr-ratio-b 4`,
  },
  {
    name: 'to steady states',
    flags: `${square} --trials 3 --ranks 1,3 --init kaiming,small --seed 3`,
  },
  {
    name: 'outcomes: diverged',
    flags: `${square} --trials 2 --time 200 --ranks 2 --init gaussian --method gd-simultaneous --step 20`,
  },
  {
    name: 'outcomes: step budget',
    flags: `${square} --trials 2 --time 50 --ranks 2 --init gaussian --method dopri5 --max-steps 9`,
  },
  {
    name: 'tolerances',
    flags: `${square} ${short} --ranks 2 --init gaussian --method dopri5 --rtol 1e-3 --atol 1e-6`,
  },
  ...methods.map((method) => ({
    name: `method ${method.split(' ')[0]!}`,
    flags: `${square} ${short} --ranks 1,2,3 --init gaussian:0.4 --method ${method}`,
  })),
  custom,
];

/** Whether an engine can compute a subject. */
export const computes = ({ kernel }: Engine, { tensorOpsOnly }: Subject): boolean =>
  !tensorOpsOnly || kernel === 'tensor-ops';

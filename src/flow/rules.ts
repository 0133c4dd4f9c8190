/**
 * The rules by which a factor moves along its gradient, gB = s G A^T of B [n, r] or gA = s B^T G of A [r, m], G = grad f,
 * and what each may assume. How they are computed is in the kernels (rules/ on each side), in the factors of motion.ts.
 */

/** Changes of variables that take trajectories of a flow to trajectories of it. */
export interface Symmetries {
  /** (B, A) -> (U B R, R^T A V^T), U, V, R orthogonal: a loss may be rotated to its spectral frame, and draws with it. */
  readonly rotation: boolean;
}

/** What is said of a rule. */
export interface RuleFacts {
  readonly about: string;
  readonly symmetries: Symmetries;
  /** Factors that a flow of the rule is held in (flow.ts). */
  readonly factors: 'normalized' | 'plain';
  /**
   * What its damping is: none; `inverse`, d I added to the Gram matrices that it inverts; or `width`, over which a jump
   * where a singular value or an entry of the gradient changes its sign is smoothed.
   */
  readonly damping: 'none' | 'inverse' | 'width';
  /** What moves plain factors along their descent, by s: dX/dt = kB speed(s) rule(descent). */
  speed(scale: number): number;
  /** The damping in units of plain factors, over that of B and A. */
  dampingUnit(scale: number): number;
}

const rotates: Symmetries = { rotation: true };

export const rules = {
  /** The gradient flow of LoRA (Rushka & Klabjan 2026). */
  gradient: {
    about: 'dB = -kB gB, dA = -kA gA',
    symmetries: rotates,
    factors: 'normalized',
    damping: 'none',
    speed: (s) => s,
    dampingUnit: () => 1,
  },
  /** ScaledGD (Tong, Ma & Chi 2021), the Riemannian preconditioner of LoRA (Zhang & Pilanci 2024). */
  scaled: {
    about: 'dB = -kB gB (A A^T + d I)^-1, dA = -kA (B^T B + d I)^-1 gA; with d, scaled:1e-2, also from B = 0',
    symmetries: rotates,
    factors: 'plain',
    damping: 'inverse',
    speed: (s) => s * s,
    dampingUnit: (s) => s,
  },
  /** LoRA-Pro (Wang et al. 2024); dynamical low-rank approximation (Koch & Lubich 2007). */
  projected: {
    about: 'W follows -G projected on the tangent space of its rank, as LoRA-Pro; damped as scaled is',
    symmetries: rotates,
    factors: 'plain',
    damping: 'inverse',
    speed: () => 1,
    dampingUnit: (s) => s,
  },
  /** The flow of Muon (Jordan et al. 2024; Kang et al. 2026). */
  spectral: {
    about:
      'dB = -kB polar(gB), dA = -kA polar(gA), as Muon; with a width w, spectral:1e-3, g (g^T g + w^2)^-1/2',
    symmetries: rotates,
    factors: 'plain',
    damping: 'width',
    speed: (s) => Math.sqrt(s),
    dampingUnit: (s) => 1 / Math.sqrt(s),
  },
  /** The limit of Adam without memory: sign descent (Bernstein et al. 2018). */
  sign: {
    about: 'dB = -kB sign(gB), dA = -kA sign(gA), as Adam; with a width w, sign:1e-3, g / sqrt(g^2 + w^2)',
    symmetries: { rotation: false },
    factors: 'plain',
    damping: 'width',
    speed: (s) => Math.sqrt(s),
    dampingUnit: (s) => 1 / Math.sqrt(s),
  },
} as const satisfies Record<string, RuleFacts>;

/** How a factor moves by its gradient. */
export type FlowRule = keyof typeof rules;

export const flowRules = Object.keys(rules) as readonly FlowRule[];

export const factsOf = (rule: FlowRule): RuleFacts => rules[rule];

/** What the rule of that name is, in a few words. */
export const aboutFlow = (rule: FlowRule): string => rules[rule].about;

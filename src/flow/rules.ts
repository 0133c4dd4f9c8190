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
  /**
   * ScaledGD (Tong, Ma & Chi 2021), the Riemannian preconditioner of LoRA (Zhang & Pilanci 2024):
   * dB = -kB gB (A A^T + d I)^-1, dA = -kA (B^T B + d I)^-1 gA.
   */
  scaled: {
    about: 'over the Gram matrix of the other factor; scaled:D damped, also from B = 0',
    symmetries: rotates,
    factors: 'plain',
    damping: 'inverse',
    speed: (s) => s * s,
    dampingUnit: (s) => s,
  },
  /**
   * LoRA-Pro (Wang et al. 2024); dynamical low-rank approximation (Koch & Lubich 2007):
   * dB = -(I - P_B) gB (A A^T + d I)^-1 / s^2, dA = -(B^T B + d I)^-1 gA / s^2, P_B = B (B^T B + d I)^-1 B^T.
   */
  projected: {
    about: 'W along its projected gradient, as LoRA-Pro; projected:D damped',
    symmetries: rotates,
    factors: 'plain',
    damping: 'inverse',
    speed: () => 1,
    dampingUnit: (s) => s,
  },
  /**
   * The flow of Muon (Jordan et al. 2024; Kang et al. 2026): dB = -kB polar(gB), dA = -kA polar(gA), with a width w
   * g (g^T g + w^2 I)^-1/2 for polar(g).
   */
  spectral: {
    about: 'along polar factors, as Muon; spectral:WIDTH smoothed',
    symmetries: rotates,
    factors: 'plain',
    damping: 'width',
    speed: (s) => Math.sqrt(s),
    dampingUnit: (s) => 1 / Math.sqrt(s),
  },
  /**
   * The limit of Adam without memory, sign descent (Bernstein et al. 2018): dB = -kB sign(gB), dA = -kA sign(gA), with a
   * width w g / sqrt(g^2 + w^2) for sign(g), entry by entry.
   */
  sign: {
    about: 'along signs, as Adam; sign:WIDTH smoothed',
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

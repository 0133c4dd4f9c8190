/**
 * How factors move by the descent of a loss, as src/flow/motion.ts says of the gradient rule: by the descent, which has
 * their decay in it (structures/), but for a frozen one, whose slope is zero.
 */
import { isDecaying, type Motion } from '../../src/flow/motion.js';

const moving = /* wgsl */ `
fn derivative(source: u32, to: u32, start: u32, end: u32) { descent(source, to, start, end); }
`;

const frozen = (from: string, until: string, others: readonly [string, string]): string => /* wgsl */ `
fn derivative(source: u32, to: u32, start: u32, end: u32) {
  descent(source, to, max(start, ${others[0]}), min(end, ${others[1]}));
  for (var row = max(start, ${from}) + lane; row < min(end, ${until}); row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) { setVector(to + quad, vec4f()); }
  }
}
`;

/** WGSL of the derivative. */
export const flowText = ({ rates: [x, y] }: Motion): string => {
  if (x === 0) return frozen('0u', 'ROWS_X', ['ROWS_X', 'ROWS']);
  return y === 0 ? frozen('ROWS_X', 'ROWS', ['0u', 'ROWS_X']) : moving;
};

/** Numbers of a motion that the texts of descents read from the table, from DECAY on: the decays of X and of Y. */
export const decayNumbers = (motion: Motion): readonly number[] => (isDecaying(motion) ? motion.decay : []);
